import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import type { Outcome } from '../cache/outcome.ts';
import { MillraceError } from '../errors.ts';
import { REASONS } from '../policy/reason.ts';
import { AccessLog } from './access-log.ts';
import { printable } from './printable.ts';

class Screen extends EventEmitter {
  readonly writes: string[] = [];
  /** Nobody reads what is written. */
  isStalled = false;
  #length = 0;
  readonly isTTY: boolean;
  readonly #colors: boolean;

  constructor(isTTY: boolean, colors = isTTY) {
    super();
    this.isTTY = isTTY;
    this.#colors = colors;
  }

  hasColors(): boolean {
    return this.#colors;
  }

  write(lines: Uint8Array, done: () => void): boolean {
    const text = Buffer.from(lines).toString();
    this.writes.push(text);
    this.#length += text.length;
    done();
    this.emit('write');
    return true;
  }

  get writableLength(): number {
    return this.isStalled ? this.#length : 0;
  }

  get text(): string {
    return this.writes.join('');
  }
}

const MISS: Outcome = {
  startedAt: Date.UTC(2030, 0, 2, 3, 4, 5, 6), duration: 12.3456, method: 'GET', url: '/a?b=c', clientAddress: '127.0.0.1', status: 200, result: 'MISS',
  reasons: [{ code: 'not-stored' }], bytes: 1536, originDuration: 11, originStatus: 200, stored: true, collapsed: false, error: undefined,
};

function logged(outcome: Outcome, screen: Screen, config: Partial<ConstructorParameters<typeof AccessLog>[0]> = {}): string {
  const log = new AccessLog({ logFormat: 'auto', verbose: false, ...config }, screen);
  log.write(outcome);
  log.flush();
  return screen.text;
}

describe('pretty', () => {
  const plain = new Screen(true, false);

  test('a miss says why', () => {
    const line = logged(MISS, new Screen(true, false));
    assert.match(line, /^\d\d:\d\d:\d\d 200 MISS +1\.5KB +12ms {2}GET \/a\?b=c {2}.+\n$/u);
    assert.ok(line.includes(REASONS['not-stored'].words));
  });

  test('a hit does not, unless verbose', () => {
    const hit: Outcome = { ...MISS, result: 'HIT', reasons: [{ code: 'fresh', detail: 'age 3 s of 60 s' }] };
    assert.match(logged(hit, new Screen(true, false)), /GET \/a\?b=c\n$/u);
    const verbose = logged(hit, plain, { verbose: true });
    assert.ok(verbose.includes(`${REASONS.fresh.words} (age 3 s of 60 s)`));
    assert.ok(verbose.includes('[client 127.0.0.1, origin 200, after 11ms, stored]'));
  });

  test('an error speaks for itself', () => {
    const error = new MillraceError('ERR_CONNECTION_REFUSED', 'Nothing listens at localhost:3000.');
    assert.ok(logged({ ...MISS, status: 502, error }, new Screen(true)).includes('Nothing listens at localhost:3000.'));
  });

  test('colours only where the terminal has them', () => {
    const colored = logged(MISS, new Screen(true));
    assert.ok(colored.includes('\u001B['));
    assert.equal(stripVTControlCharacters(colored), logged(MISS, new Screen(true, false)));
    assert.ok(!logged(MISS, new Screen(false, true), { logFormat: 'pretty' }).includes('\u001B['));
  });
});

test('JSON where nobody watches, with every field', () => {
  const error = new MillraceError('ERR_CONNECTION_REFUSED', 'Nothing listens.');
  assert.deepEqual(JSON.parse(logged({ ...MISS, error }, new Screen(false))), {
    time: '2030-01-02T03:04:05.006Z', method: 'GET', url: '/a?b=c', clientAddress: '127.0.0.1', status: 200, result: 'MISS', reasons: [{ code: 'not-stored' }],
    bytes: 1536, durationMs: 12.346, originDurationMs: 11, originStatus: 200, stored: true, collapsed: false, error: { code: 'ERR_CONNECTION_REFUSED', message: 'Nothing listens.' },
  });
  assert.equal(logged(MISS, new Screen(true), { logFormat: 'json' })[0], '{');
});

test('off writes nothing', () => assert.equal(logged(MISS, new Screen(true), { logFormat: 'off' }), ''));

test('no text from outside can forge a line or steer the terminal', () => {
  const hostile = fc.string({ unit: fc.oneof(fc.constantFrom('\n', '\r', '\u001B', '\u009B', '\u202E', '\u2028', '\u200B', '\uD800', '\\', '"'), anyText({ maxLength: 2 })) });
  fc.assert(fc.property(hostile, hostile, (url, detail) => {
    const outcome: Outcome = { ...MISS, method: url, url, clientAddress: url, reasons: [{ code: 'not-stored', detail }] };
    for (const logFormat of ['pretty', 'json'] as const) {
      const line = logged(outcome, new Screen(true, false), { logFormat, verbose: true });
      assert.match(line, /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*\n$/u);
      if (logFormat === 'json') assert.equal(JSON.parse(line).url, url);
    }
  }), { numRuns: 500 });
  assert.equal(printable('a\u001B[2J\\b\n'), 'a\\u001b[2J\\b\\u000a');
});

test('lines that follow each other are one write', async () => {
  const screen = new Screen(false);
  const log = new AccessLog({ logFormat: 'json', verbose: false }, screen);
  for (let i = 0; i < 3; i++) log.write(MISS);
  assert.equal(screen.writes.length, 0);
  await once(screen, 'write');
  assert.equal(screen.writes.length, 1);
  assert.equal(screen.text.split('\n').length, 4);
  log.write(MISS);
  await once(screen, 'write');
  assert.equal(screen.text.split('\n').length, 5);
});

test('many lines do not wait', () => {
  const screen = new Screen(false);
  const log = new AccessLog({ logFormat: 'json', verbose: false }, screen);
  for (let i = 0; i < 1000; i++) log.write(MISS);
  assert.ok(screen.text.length > 100_000);
});

test('what is being written is not written over', () => {
  const under: { lines: Uint8Array; copy: string; done: () => void }[] = [];
  const stream = { write: (lines: Uint8Array, done: () => void) => (under.push({ lines, copy: Buffer.from(lines).toString(), done }), true), on: () => undefined };
  const log = new AccessLog({ logFormat: 'json', verbose: false }, stream);
  const unchanged = (): void => {
    for (const { lines, copy } of under) assert.equal(Buffer.from(lines).toString(), copy);
  };
  const write = (url: string): void => {
    log.write({ ...MISS, url });
    log.flush();
    unchanged();
  };
  for (const url of ['/a', '/b', '/c']) write(url);
  const first = under.shift()!;
  first.done();
  for (const url of ['/d', '/e']) write(url);
  assert.equal(under.length, 4);
  assert.equal(under[3]!.lines.buffer, first.lines.buffer);
});

test('a reader who leaves ends the log, nothing else', () => {
  const screen = new Screen(false);
  const log = new AccessLog({ logFormat: 'json', verbose: false }, screen);
  log.write(MISS);
  screen.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  log.write(MISS);
  log.flush();
  assert.equal(screen.text, '');
});

test('where nobody reads, lines are dropped in place of taking memory, and counted', () => {
  for (const logFormat of ['json', 'pretty'] as const) {
    const screen = new Screen(true, false);
    screen.isStalled = true;
    const log = new AccessLog({ logFormat, verbose: false }, screen);
    const long: Outcome = { ...MISS, url: `/${'x'.repeat(10_000)}` };
    let written = 0;
    for (; log.dropped === 0 && written < 10_000; written++) {
      log.write(long);
      log.flush();
    }
    assert.ok(screen.text.length > 4_000_000 && screen.text.length < 4_400_000, `${screen.text.length} wait`);
    log.append(Buffer.from('a\nb\n'));
    assert.equal(log.dropped, 3);
    screen.isStalled = false;
    log.write(MISS);
    log.flush();
    assert.equal(log.dropped, 0);
    const [told, line] = screen.writes.at(-1)!.split('\n');
    if (logFormat === 'json') assert.equal(JSON.parse(told!).dropped, 3);
    else assert.match(told!, / 3 lines dropped/u);
    assert.ok(line!.includes('/a?b=c'));
    assert.equal(screen.writes.length, written);
  }
});

test('lines of answers that are given again and again tell them apart', () => {
  const { reasons } = MISS;
  const outcomes: Outcome[] = [MISS, { ...MISS }, { ...MISS, url: '/other' }, { ...MISS, startedAt: MISS.startedAt + 1, duration: 1, clientAddress: '::1' }, { ...MISS, bytes: 1 }, { ...MISS, status: 304, originStatus: undefined, originDuration: undefined }, MISS];
  const screen = new Screen(false);
  const log = new AccessLog({ logFormat: 'json', verbose: false }, screen);
  for (const outcome of outcomes) log.write(outcome);
  log.flush();
  for (const [i, line] of screen.text.trimEnd().split('\n').entries()) {
    const { startedAt, duration, originDuration, error: _, ...rest } = outcomes[i]!;
    const expected = { ...rest, time: new Date(startedAt).toISOString(), durationMs: Math.round(duration * 1000) / 1000, originDurationMs: originDuration, reasons };
    assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify(expected)));
  }
});
