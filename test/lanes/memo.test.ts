import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Memo, type ServedHit } from '../../src/cache/memo.ts';
import type { PreparedAnswer } from '../../src/cache/prepared-answer.ts';
import { Stamps } from '../../src/cache/stamps.ts';
import { Fields } from '../../src/http/fields.ts';
import { PlainHead } from '../../src/server/fast/plain-head.ts';
import { MemoryStore } from '../../src/stores/memory.ts';

const NOW = 1_000_000;
const HEAD = { untilAge: 'Age: ', untilTtl: ' ttl=', rest: '\r\n' };

/** A memo over a store, with the few words a test needs. */
class Scene {
  readonly store: MemoryStore;
  readonly stamps = new Stamps();
  readonly memo: Memo;
  readonly #head = new PlainHead({ refererDecides: false, trustsProxies: false });

  constructor(memoBytes = 1_000_000, storeBytes = 10_000_000, maxHot?: number) {
    this.store = new MemoryStore({ maxBytes: storeBytes, maxObject: storeBytes });
    this.memo = new Memo(this.store, this.stamps, memoBytes, maxHot);
  }

  request(path: string, ...lines: string[]): PlainHead {
    const bytes = Buffer.from([`GET ${path} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n'), 'latin1');
    assert.ok(this.#head.recognise(bytes, 0, bytes.length));
    return this.#head;
  }

  async put(key: string, body = 'body'): Promise<void> {
    const writer = this.store.put(key, undefined)!;
    writer.write(Buffer.from(body));
    assert.ok(await writer.commit(Buffer.from('meta')));
  }

  async keep(path: string, changes: Partial<ServedHit> = {}, lines: string[] = [], body = 'body'): Promise<void> {
    await this.put(path, body);
    const object = this.store.peek(path)!;
    const lifetime = { seconds: 60, source: 'max-age', implicit: false, reason: { code: 'lifetime-max-age' } } as const;
    const hit: ServedHit = { status: 200, fields: new Fields(), length: body.length, pieces: [{ start: 0, end: body.length }], body: object.body, age: 10.4, lifetime, now: NOW, read: [object], selecting: [], scopes: [path], stamp: this.stamps.now(), ...changes };
    this.memo.keep(this.request(path, ...lines), hit, HEAD);
  }

  find(path: string, now = NOW, ...lines: string[]): PreparedAnswer | undefined {
    return this.memo.find(this.request(path, ...lines), now);
  }
}

for (const maxHot of [undefined, 0]) describe(maxHot === 0 ? 'an answer in the log' : 'a hot answer', () => {
  test('is given with the age and the time left of the moment', async () => {
    const scene = new Scene(1_000_000, 10_000_000, maxHot);
    await scene.keep('/a');
    const text = (after: number): string => scene.find('/a', NOW + after)!.whole(NOW + after)!.toString();
    assert.equal(text(0), 'Age: 10 ttl=49\r\nbody');
    // Age rises at whole seconds of age, the time left falls right after its own.
    for (const [after, expected] of [[599, '10 ttl=49'], [600, '11 ttl=49'], [601, '11 ttl=48'], [1600, '12 ttl=48'], [49_599, '59 ttl=0'], [0, '10 ttl=49']] as const) {
      assert.equal(text(after), `Age: ${expected}\r\nbody`);
    }
    if (maxHot !== 0) assert.equal(scene.find('/a')!.whole(NOW), scene.find('/a')!.whole(NOW + 1), 'written once a second, not for each request');
  });

  test('is given until it is stale, and not where the clock was set back', async () => {
    const scene = new Scene(1_000_000, 10_000_000, maxHot);
    await scene.keep('/a');
    assert.ok(scene.find('/a', NOW + 49_599));
    assert.equal(scene.find('/a', NOW + 49_600), undefined);
    await scene.keep('/a');
    assert.equal(scene.find('/a', NOW - 1), undefined);
  });

  test('is not given once what it rests on is gone', async () => {
    const scene = new Scene(1_000_000, 10_000_000, maxHot);
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

  test('counts as an access to what is stored', async () => {
    const scene = new Scene(10_000, 100_000, maxHot);
    await scene.keep('/a');
    for (let i = 0; i < 500; i++) {
      await scene.put(`/${i}`, 'x'.repeat(1000));
      assert.ok(scene.find('/a'), `after ${i}`);
    }
    assert.ok(scene.store.stats().evictions > 100);
  });

  test('keeps no large body alive by itself', async () => {
    const scene = new Scene(10_000, 10_000_000, maxHot);
    await scene.keep('/a', {}, [], 'x'.repeat(100_000));
    const answer = scene.find('/a')!;
    assert.equal(answer.whole(NOW), undefined);
    assert.equal(answer.head(NOW), 'Age: 10 ttl=49\r\n');
    let length = 0;
    for (const chunks = answer.chunks(); ; ) {
      const { value, done } = chunks.next();
      if (done === true) break;
      length += value.length;
    }
    assert.equal(length, 100_000);
  });
});

for (const maxHot of [undefined, 0]) describe(`which request an answer ${maxHot === 0 ? 'in the log' : 'that is hot'} is for`, () => {
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
      const scene = new Scene(1_000_000, 10_000_000, maxHot);
      await scene.keep('/a', { selecting }, kept);
      let request: PlainHead;
      if (asked[0] === 'target') request = scene.request('/b');
      else if (asked[0] === 'host') {
        const bytes = Buffer.from('GET /a HTTP/1.1\r\nHost: b\r\n\r\n');
        request = new PlainHead({ refererDecides: false, trustsProxies: false });
        assert.ok(request.recognise(bytes, 0, bytes.length));
      } else request = scene.request('/a', ...asked);
      assert.equal(scene.memo.find(request, NOW) !== undefined, found);
    });
  }

  test('HEAD and GET have answers of their own', async () => {
    const scene = new Scene(1_000_000, 10_000_000, maxHot);
    await scene.keep('/a');
    const bytes = Buffer.from('HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n');
    const head = new PlainHead({ refererDecides: false, trustsProxies: false });
    assert.ok(head.recognise(bytes, 0, bytes.length));
    assert.equal(scene.memo.find(head, NOW), undefined);
  });

  test('several parts of a body are not kept', async () => {
    const scene = new Scene(1_000_000, 10_000_000, maxHot);
    await scene.keep('/a', { pieces: [Buffer.from('--'), { start: 0, end: 1 }] });
    assert.equal(scene.find('/a'), undefined);
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
