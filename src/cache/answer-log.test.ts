import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AnswerLog } from './answer-log.ts';

/** Lends up to a limit. */
class Bank {
  lent = 0;
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  lend(bytes: number): boolean {
    if (this.lent + bytes > this.limit) return false;
    this.lent += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.lent -= bytes;
  }
}

function contents(log: AnswerLog, hash: number): string[] {
  const found: string[] = [];
  for (let place = log.first(hash); place !== -1; place = log.next(place)) found.push(log.read(place).toString());
  return found;
}

const content = (n: number): Buffer => Buffer.from(`${n}:`.padEnd(20 + (n % 50), 'x'));

describe('an answer log', () => {
  test('gives what was added, or less, and never more than it was lent', () => {
    const step = fc.record({ hash: fc.integer({ min: -20, max: 20 }).map((n) => Math.imul(n, 0x1000_0001)), what: fc.constantFrom('add', 'add', 'add', 'remove', 'use', 'clear'), times: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 500, max: 20_000 }), fc.nat(20_000), (steps, maxBytes, limit) => {
        const bank = new Bank(limit);
        const log = new AnswerLog(bank, maxBytes);
        const added = new Map<number, Set<string>>();
        let n = 0;
        for (const { hash, what, times } of steps) {
          const place = log.first(hash);
          if (what === 'add') {
            for (let i = 0; i < times; i++) {
              const text = content(n++);
              if (log.add(hash, text)) {
                added.set(hash, (added.get(hash) ?? new Set()).add(text.toString()));
                assert.ok(contents(log, hash).includes(text.toString()));
              }
            }
          } else if (what === 'clear') {
            log.clear();
            added.clear();
            assert.equal(bank.lent, 0);
          } else if (place !== -1 && what === 'use') log.use(place);
          else if (place !== -1) {
            added.get(hash)!.delete(log.read(place).toString());
            log.remove(place);
          }
          for (const [each, texts] of added) {
            const found = contents(log, each);
            assert.equal(new Set(found).size, found.length);
            for (const text of found) assert.ok(texts.has(text), text);
          }
          assert.equal(bank.lent, log.bytes);
          assert.ok(log.bytes <= maxBytes);
        }
      }),
    );
  });

  test('keeps what is used while others come and go', () => {
    const log = new AnswerLog(new Bank(100_000), 100_000);
    log.add(7, content(7));
    let gone = 0;
    for (let n = 1000; n < 10_000; n++) {
      assert.deepEqual(contents(log, 7), [content(7).toString()], `after ${n}`);
      log.use(log.first(7));
      assert.ok(log.add(Math.imul(n, 0x9e3779b1), content(n)));
      if (n >= 8000 && contents(log, Math.imul(n - 5000, 0x9e3779b1)).length === 0) gone++;
    }
    assert.ok(gone > 1900, `${gone} of 2000 are gone`);
  });

  test('holds about as much as fits', () => {
    const log = new AnswerLog(new Bank(1_000_000), 1_000_000);
    for (let n = 0; n < 20_000; n++) log.add(Math.imul(n, 0x9e3779b1), Buffer.alloc(240, n));
    let found = 0;
    for (let n = 0; n < 20_000; n++) found += contents(log, Math.imul(n, 0x9e3779b1)).length;
    assert.ok(found > 3000, `${found} of at most 3700`);
  });

  test('keeps nothing where nothing is lent', () => {
    const log = new AnswerLog(new Bank(0), 1_000_000);
    assert.equal(log.add(1, content(1)), false);
    assert.equal(log.first(1), -1);
    assert.equal(new AnswerLog(new Bank(1000), 0).add(1, content(1)), false);
  });
});
