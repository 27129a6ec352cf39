import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Memo, type ServedHit } from '../../src/cache/memo.ts';
import { encodeEntry } from '../../src/cache/entry.ts';
import { NotedAnswer } from '../../src/cache/noted-answer.ts';
import type { Answer } from '../../src/cache/prepared-answer.ts';
import { Stamps } from '../../src/cache/stamps.ts';
import { Fields } from '../../src/http/fields.ts';
import { freshnessLifetime } from '../../src/policy/freshness.ts';
import { PlainHead } from '../../src/server/fast/plain-head.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { STATED } from '../kit/messages.ts';

const NOW = 1_000_000;
const HEAD = { untilAge: 'Age: ', untilTtl: ' ttl=', rest: '\r\n' };
/** Milliseconds. */
const AGE = 10_400;

/** How answers are kept, and for each how many may be hot. */
const KINDS = { hot: undefined, log: 0, noted: 0 } as const;
type Kind = keyof typeof KINDS;

/** The head of an answer that can be noted: what is stored with it is in it. */
function notable(length: number): typeof HEAD {
  return { untilAge: 'HTTP/1.1 200 OK\r\nETag: "a"\r\nDate: Thu, 01 Jan 1970 00:16:30 GMT\r\nx-own:  b\r\nAge: ', untilTtl: '\r\nttl=', rest: `\r\nContent-Length: ${length}\r\n\r\n` };
}

function description(): Buffer {
  const fields = new Fields(['ETag', '"a"', 'Content-Length', '4', 'xkey', 'a', 'Date', 'Thu, 01 Jan 1970 00:16:30 GMT', 'x-own', ' b']);
  const selection = { names: [], values: [], language: null, forwardedAs: '' };
  return encodeEntry({ status: 200, fields, method: 'GET', requestTime: NOW - AGE, responseTime: NOW - AGE, privateInPlay: false, invalidated: false, range: undefined, selection, stamp: 0, tags: [], parts: [], others: [] });
}

/** A memo over a store, with the few words a test needs. */
class Scene {
  readonly store: MemoryStore;
  readonly stamps = new Stamps();
  readonly memo: Memo;
  readonly #head = new PlainHead({ embedsHosts: false, trustsProxies: false });
  readonly #kind: Kind;

  constructor(memoBytes = 1_000_000, storeBytes = 10_000_000, kind: Kind = 'hot') {
    this.#kind = kind;
    this.store = new MemoryStore({ maxBytes: storeBytes, maxObject: storeBytes });
    this.memo = new Memo(this.store, this.stamps, memoBytes, { lifetimeOf: (entry) => freshnessLifetime(entry, STATED), withheld: ['xkey'] }, KINDS[kind]);
  }

  request(path: string, ...lines: string[]): PlainHead {
    const bytes = Buffer.from([`GET ${path} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n'), 'latin1');
    assert.ok(this.#head.recognise(bytes, 0, bytes.length));
    return this.#head;
  }

  async put(key: string, body = 'body'): Promise<void> {
    const writer = this.store.put(key, undefined)!;
    writer.write(Buffer.from(body));
    assert.ok(await writer.commit(this.#kind === 'noted' ? description() : Buffer.from('meta')));
  }

  async keep(path: string, changes: Partial<ServedHit> = {}, lines: string[] = [], body = 'body'): Promise<void> {
    await this.put(path, body);
    const object = this.store.peek(path)!;
    const lifetime = { seconds: 60, source: 'max-age', implicit: false, reason: { code: 'lifetime-max-age' } } as const;
    const hit: ServedHit = { status: 200, fields: new Fields(), length: body.length, pieces: [{ start: 0, end: body.length }], body: object.body, age: AGE / 1000, lifetime, now: NOW, read: [object], selecting: [], scopes: [path], stamp: this.stamps.now(), ...changes };
    this.memo.keep(this.request(path, ...lines), hit, this.headFor(body.length));
  }

  headFor(length: number): typeof HEAD {
    return this.#kind === 'noted' ? notable(length) : HEAD;
  }

  find(path: string, now = NOW, ...lines: string[]): Answer | undefined {
    return this.memo.find(this.request(path, ...lines), now);
  }
}

for (const kind of ['hot', 'log', 'noted'] as const) describe(`an answer that is ${kind === 'log' ? 'in the log' : kind}`, () => {
  test('is given with the age and the time left of the moment', async () => {
    const scene = new Scene(1_000_000, 10_000_000, kind);
    await scene.keep('/a');
    assert.equal(scene.find('/a') instanceof NotedAnswer, kind === 'noted');
    const { untilAge, untilTtl, rest } = scene.headFor(4);
    const text = (after: number): string => scene.find('/a', NOW + after)!.whole(NOW + after)!.toString();
    assert.equal(text(0), `${untilAge}10${untilTtl}49${rest}body`);
    // Age rises at whole seconds of age, the time left falls right after its own.
    for (const [after, age, ttl] of [[599, 10, 49], [600, 11, 49], [601, 11, 48], [1600, 12, 48], [49_599, 59, 0], [0, 10, 49]] as const) {
      assert.equal(text(after), `${untilAge}${age}${untilTtl}${ttl}${rest}body`);
    }
    if (kind === 'hot') assert.equal(scene.find('/a')!.whole(NOW), scene.find('/a')!.whole(NOW + 1), 'written once a second, not for each request');
  });

  test('is given until it is stale, and not where the clock was set back', async () => {
    const scene = new Scene(1_000_000, 10_000_000, kind);
    await scene.keep('/a');
    assert.ok(scene.find('/a', NOW + 49_599));
    assert.equal(scene.find('/a', NOW + 49_600), undefined);
    await scene.keep('/a');
    // What is noted is told by its own times.
    assert.equal(scene.find('/a', kind === 'noted' ? NOW - AGE - 1 : NOW - 1), undefined);
  });

  test('is not given once what it rests on is gone', async () => {
    const scene = new Scene(1_000_000, 10_000_000, kind);
    const ways: readonly (() => unknown)[] = [
      () => scene.store.delete('/a'),
      () => scene.store.clear(),
      () => scene.put('/a', 'other'),
      () => scene.store.update('/a', scene.store.peek('/a')!, Buffer.from('validated')),
      () => scene.stamps.purge('/a'),
      () => scene.stamps.purgeAll(),
      () => scene.memo.clear(),
    ];
    for (const way of ways) {
      await scene.keep('/a');
      assert.ok(scene.find('/a'));
      await way();
      assert.equal(scene.find('/a'), undefined, String(way));
    }
  });

  test('is not given where it was purged after it was looked for', async () => {
    const scene = new Scene(1_000_000, 10_000_000, kind);
    const stamp = scene.stamps.now();
    scene.stamps.purge('/a');
    await scene.keep('/a', { stamp });
    assert.equal(scene.find('/a'), undefined);
    await scene.keep('/a');
    assert.ok(scene.find('/a'));
  });

  test('counts as an access to what is stored', async () => {
    const scene = new Scene(10_000, 100_000, kind);
    await scene.keep('/a');
    for (let i = 0; i < 500; i++) {
      await scene.put(`/${i}`, 'x'.repeat(1000));
      assert.ok(scene.find('/a'), `after ${i}`);
    }
    assert.ok(scene.store.stats().evictions > 100);
  });

  test('keeps no large body alive by itself', async () => {
    const scene = new Scene(10_000, 10_000_000, kind);
    await scene.keep('/a', {}, [], 'x'.repeat(100_000));
    const answer = scene.find('/a')!;
    assert.equal(answer.whole(NOW), undefined);
    const { untilAge, untilTtl, rest } = scene.headFor(100_000);
    assert.equal(answer.head(NOW), `${untilAge}10${untilTtl}49${rest}`);
    let length = 0;
    for (const chunks = answer.chunks(); ; ) {
      const { value, done } = chunks.next();
      if (done === true) break;
      length += value.length;
    }
    assert.equal(length, 100_000);
  });
});

for (const kind of ['hot', 'log', 'noted'] as const) describe(`which request an answer that is ${kind === 'log' ? 'in the log' : kind} is for`, () => {
  const cases: [string, selecting: string[], kept: string[], asked: string[], found: boolean][] = [
    ['the same', [], [], [], true],
    ['fields without a say', [], ['Accept: a'], ['Accept: b', 'X-A: b'], true],
    ['a field that selects', ['accept'], ['Accept: a'], ['accept:  a '], true],
    ['another value of it', ['accept'], ['Accept: a'], ['Accept: b'], false],
    ['none of it', ['accept'], ['Accept: a'], [], false],
    ['one where there was none', ['accept'], [], ['Accept: a'], false],
    ['two where there was one', ['accept'], ['Accept: a'], ['Accept: a', 'Accept: a'], false],
    ['two as before', ['accept'], ['Accept: a', 'Accept: a'], ['Accept: a', 'Accept: a'], false],
    ['a condition', [], ['If-None-Match: "a"'], ['If-None-Match: "a"'], true],
    ['another condition', [], ['If-None-Match: "a"'], ['If-None-Match: "b"'], false],
    ['a condition more', [], ['If-None-Match: "a"'], ['If-None-Match: "a"', 'Range: bytes=0-0'], false],
    ['no condition', [], ['If-None-Match: "a"'], [], false],
    ['a condition where there was none', [], [], ['Range: bytes=0-0'], false],
    ['another kind of condition', [], ['If-None-Match: a'], ['If-Modified-Since: a'], false],
    ['another cookie', [], ['Cookie: a'], ['Cookie: b'], true],
    ['a cookie where there was none', [], [], ['Cookie: a'], false],
    ['no cookie where there was one', [], ['Cookie: a'], [], false],
    ['another target', [], [], ['target'], false],
    ['another Host', [], [], ['host'], false],
  ];
  for (const [name, selecting, kept, asked, found] of cases) {
    test(name, async () => {
      const scene = new Scene(1_000_000, 10_000_000, kind);
      await scene.keep('/a', { selecting }, kept);
      let request: PlainHead;
      if (asked[0] === 'target') request = scene.request('/b');
      else if (asked[0] === 'host') {
        const bytes = Buffer.from('GET /a HTTP/1.1\r\nHost: b\r\n\r\n');
        request = new PlainHead({ embedsHosts: false, trustsProxies: false });
        assert.ok(request.recognise(bytes, 0, bytes.length));
      } else request = scene.request('/a', ...asked);
      assert.equal(scene.memo.find(request, NOW) !== undefined, found);
    });
  }

  test('HEAD and GET have answers of their own', async () => {
    const scene = new Scene(1_000_000, 10_000_000, kind);
    await scene.keep('/a');
    const bytes = Buffer.from('HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n');
    const head = new PlainHead({ embedsHosts: false, trustsProxies: false });
    assert.ok(head.recognise(bytes, 0, bytes.length));
    assert.equal(scene.memo.find(head, NOW), undefined);
  });

  test('several parts of a body are not kept', async () => {
    const scene = new Scene(1_000_000, 10_000_000, kind);
    await scene.keep('/a', { pieces: [Buffer.from('--'), { start: 0, end: 1 }] });
    assert.equal(scene.find('/a'), undefined);
  });
});

test('the bytes of a hot answer are written over each second, unless somebody holds them', async () => {
  const scene = new Scene();
  await scene.keep('/a');
  const bytes = (after: number): Buffer => scene.find('/a', NOW + after)!.whole(NOW + after)!;
  bytes(0);
  const first = bytes(0);
  assert.equal(bytes(1000), first);
  assert.equal(first.toString(), 'Age: 11 ttl=48\r\nbody');
  scene.find('/a', NOW + 1000)!.hold();
  assert.equal(bytes(2000).toString(), 'Age: 12 ttl=47\r\nbody');
  assert.equal(first.toString(), 'Age: 11 ttl=48\r\nbody');
  assert.equal(bytes(45_000).toString(), 'Age: 55 ttl=4\r\nbody');
});

describe('what is noted', () => {
  test('tells what it rests on, and its bytes stay when it is held', async () => {
    const scene = new Scene(1_000_000, 10_000_000, 'noted');
    for (const path of ['/a', '/b']) await scene.keep(path, {}, [], `body of ${path}`);
    const answer = scene.find('/a', NOW + 1000)!;
    assert.deepEqual([answer.method, answer.url, answer.status, answer.bodyLength], ['GET', '/a', 200, 10]);
    assert.equal(answer.reasons(NOW + 1000)[0]?.detail, 'age 11 s of 0 s', 'of what policy says, and the description states no lifetime');
    const whole = answer.whole(NOW + 1000)!;
    const before = whole.toString();
    answer.hold();
    const other = scene.find('/b')!.whole(NOW)!;
    assert.match(before, /body of \/a$/);
    assert.match(other.toString(), /body of \/b$/);
    assert.equal(whole.toString(), before);
    await scene.store.clear();
    assert.equal(answer.url, '/a');
  });

  test('is not what the engine did not answer', async () => {
    const scene = new Scene(1_000_000, 10_000_000, 'noted');
    const other = { ...notable(4), untilAge: notable(4).untilAge.replace('x-own', 'x-other') };
    await scene.put('/a');
    const object = scene.store.peek('/a')!;
    const lifetime = { seconds: 60, source: 'max-age', implicit: false, reason: { code: 'lifetime-max-age' } } as const;
    const hit: ServedHit = { status: 200, fields: new Fields(), length: 4, pieces: [{ start: 0, end: 4 }], body: object.body, age: AGE / 1000, lifetime, now: NOW, read: [object], selecting: [], scopes: ['/a'], stamp: 0 };
    scene.memo.keep(scene.request('/a'), hit, other);
    const answer = scene.find('/a')!;
    assert.ok(!(answer instanceof NotedAnswer));
    assert.match(answer.whole(NOW)!.toString(), /x-other/);
  });

  test('stays where others ask for the same otherwise', async () => {
    const scene = new Scene(1_000_000, 10_000_000, 'noted');
    await scene.keep('/a');
    const object = scene.store.peek('/a')!;
    const lifetime = { seconds: 60, source: 'max-age', implicit: false, reason: { code: 'lifetime-max-age' } } as const;
    const hit: ServedHit = { status: 200, fields: new Fields(), length: 4, pieces: [{ start: 0, end: 4 }], body: object.body, age: AGE / 1000, lifetime, now: NOW, read: [object], selecting: [], scopes: ['/a'], stamp: 0 };
    scene.memo.keep(scene.request('/a', 'Cookie: a'), hit, notable(4));
    assert.ok(scene.find('/a') instanceof NotedAnswer);
    const other = scene.find('/a', NOW, 'Cookie: b');
    assert.ok(other !== undefined && !(other instanceof NotedAnswer));
  });

  test('is not forgotten with a purge of something else', async () => {
    const scene = new Scene(1_000_000, 10_000_000, 'noted');
    await scene.keep('/a');
    scene.stamps.purge('/b');
    assert.ok(scene.find('/a') instanceof NotedAnswer);
    assert.ok(scene.find('/a') instanceof NotedAnswer);
    scene.stamps.purge('/a', true);
    assert.equal(scene.find('/a'), undefined);
  });

  test('survives that ever new Hosts use up the recipes, or comes again', async () => {
    const scene = new Scene(1_000_000, 10_000_000, 'noted');
    const head = new PlainHead({ embedsHosts: false, trustsProxies: false });
    for (let i = 0; i < 3000; i++) {
      await scene.put(`/${i}`);
      const object = scene.store.peek(`/${i}`)!;
      const bytes = Buffer.from(`GET /${i} HTTP/1.1\r\nHost: h${i}\r\n\r\n`);
      assert.ok(head.recognise(bytes, 0, bytes.length));
      const lifetime = { seconds: 60, source: 'max-age', implicit: false, reason: { code: 'lifetime-max-age' } } as const;
      scene.memo.keep(head, { status: 200, fields: new Fields(), length: 4, pieces: [{ start: 0, end: 4 }], body: object.body, age: AGE / 1000, lifetime, now: NOW, read: [object], selecting: [], scopes: [`/${i}`], stamp: 0 }, notable(4));
      assert.ok(scene.memo.find(head, NOW) instanceof NotedAnswer, `after ${i}`);
    }
    await scene.keep('/0');
    assert.ok(scene.find('/0') instanceof NotedAnswer);
  });
});

describe('the bytes of a memo', () => {
  test('are never more than it may have, and counted by the store', async () => {
    const scene = new Scene(20_000, 1_000_000);
    let seen = 0;
    for (let i = 0; i < 200; i++) {
      const before = scene.store.stats().bytes;
      await scene.keep(`/${i}`, {}, [], 'x'.repeat(1000));
      seen = Math.max(seen, scene.store.stats().bytes - before);
      assert.ok(scene.find(`/${i}`));
    }
    const kept = Array.from({ length: 200 }, (_, i) => scene.find(`/${i}`)).filter(Boolean).length;
    assert.ok(kept >= 20 && kept < 200, `${kept} are kept`);
    const before = scene.store.stats().bytes;
    scene.memo.clear();
    const freed = before - scene.store.stats().bytes;
    assert.ok(freed > 10_000 && freed <= 20_000, `${freed} bytes were given back`);
    await scene.store.clear();
    assert.equal(scene.store.stats().bytes, 0);
  });

  test('go to what is used', async () => {
    const scene = new Scene(20_000);
    await scene.keep('/hot');
    for (let i = 0; i < 100; i++) {
      await scene.keep(`/${i}`);
      assert.ok(scene.find('/hot'), `after ${i}`);
    }
  });

  test('do not all go to one target', async () => {
    const scene = new Scene();
    for (let i = 0; i < 100; i++) await scene.keep('/a', {}, [`If-None-Match: "${i}"`]);
    const found = Array.from({ length: 100 }, (_, i) => scene.find('/a', NOW, `If-None-Match: "${i}"`)).filter(Boolean).length;
    // Each look-up that finds the stored object changed removes an answer: only the last rests on what is stored now.
    assert.equal(found, 1);
    const many = new Scene();
    await many.put('/a');
    const object = many.store.peek('/a')!;
    for (let i = 0; i < 100; i++) {
      const lifetime = { seconds: 60, source: 'max-age', implicit: false, reason: { code: 'lifetime-max-age' } } as const;
      many.memo.keep(many.request('/a', `Range: bytes=${i}-`), { status: 206, fields: new Fields(), length: 4, pieces: [], body: object.body, age: 0, lifetime, now: NOW, read: [object], selecting: [], scopes: [], stamp: 0 }, HEAD);
    }
    const ranges = Array.from({ length: 100 }, (_, i) => many.find('/a', NOW, `Range: bytes=${i}-`)).filter(Boolean).length;
    assert.ok(ranges > 4 && ranges <= 16, `${ranges} are kept`);
  });

  test('are not taken where the store has no room', async () => {
    const scene = new Scene(1_000_000, 19_000);
    await scene.put('/a', 'x'.repeat(500));
    // What is on its way into the store cannot be dropped.
    const writer = scene.store.put('/writing', undefined)!;
    for (let i = 0; i < 4; i++) assert.ok(writer.write(Buffer.alloc(4096)));
    const { bytes } = scene.store.stats();
    const object = scene.store.peek('/a')!;
    const lifetime = { seconds: 60, source: 'max-age', implicit: false, reason: { code: 'lifetime-max-age' } } as const;
    scene.memo.keep(scene.request('/a'), { status: 200, fields: new Fields(), length: 500, pieces: [{ start: 0, end: 500 }], body: object.body, age: 0, lifetime, now: NOW, read: [object], selecting: [], scopes: [], stamp: 0 }, HEAD);
    assert.equal(scene.find('/a'), undefined);
    assert.ok(scene.store.stats().bytes === bytes && scene.store.peek('/a') !== undefined, 'nothing was dropped for it');
    writer.abort();
  });
});
