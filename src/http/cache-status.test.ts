import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { Token } from 'structured-headers';
import { type CacheStatus, formatCacheStatus } from './cache-status.ts';
import { parseList } from './structured.ts';

const cases: [status: CacheStatus, text: string][] = [
  [{}, 'Millrace'],
  [{ hit: true, ttl: 376 }, 'Millrace;hit;ttl=376'],
  [{ hit: true, ttl: 0 }, 'Millrace;hit;ttl=0'],
  [{ hit: true, ttl: -412, detail: 'stale-if-error' }, 'Millrace;hit;ttl=-412;detail=stale-if-error'],
  [{ fwd: 'uri-miss', stored: true, collapsed: false }, 'Millrace;fwd=uri-miss;stored'],
  [{ detail: 'age "70 s" over 60 s', key: 'GET http://a/', collapsed: true, fwdStatus: 304, fwd: 'stale', ttl: 59.9, stored: true, hit: false },
    'Millrace;fwd=stale;fwd-status=304;ttl=59;stored;collapsed;key="GET http://a/";detail="age \\"70 s\\" over 60 s"'],
  [{ fwd: 'bypass', detail: 'x\r\nSet-Cookie: a=b' }, 'Millrace;fwd=bypass;detail="x??Set-Cookie: a=b"'],
];
for (const [status, text] of cases) test(`writes ${text}`, () => assert.equal(formatCacheStatus(status), text));

test('any status is one member of a List that says the same', () => {
  const printable = fc.stringMatching(/^[ -~]{0,256}$/);
  const status = fc.record(
    {
      hit: fc.boolean(),
      fwd: fc.constantFrom('bypass', 'method', 'uri-miss', 'vary-miss', 'miss', 'request', 'stale', 'partial'),
      fwdStatus: fc.integer({ min: 100, max: 599 }),
      ttl: fc.integer(),
      stored: fc.boolean(),
      collapsed: fc.boolean(),
      key: printable,
      detail: printable,
    } as const,
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(status, (given) => {
      const [[name, parameters]] = parseList(formatCacheStatus(given)) as [[Token, Map<string, unknown>]];
      assert.deepEqual(name, new Token('Millrace'));
      const text = (key: string): string | undefined => (parameters.has(key) ? String(parameters.get(key)) : undefined);
      assert.equal(parameters.get('hit') ?? false, given.hit ?? false);
      assert.equal(text('fwd'), given.fwd);
      assert.equal(parameters.get('fwd-status'), given.fwdStatus);
      assert.equal(parameters.get('ttl'), given.ttl);
      assert.equal(parameters.get('stored') ?? false, given.stored ?? false);
      assert.equal(parameters.get('collapsed') ?? false, given.collapsed ?? false);
      assert.equal(text('key'), given.key);
      assert.equal(text('detail'), given.detail);
    }),
  );
});

test('no text can break out of its parameter', () => {
  fc.assert(
    fc.property(anyText(), anyText(), (key, detail) => {
      const list = parseList(formatCacheStatus({ hit: true, key, detail }));
      assert.equal(list?.length, 1);
      assert.deepEqual([...list[0]![1].keys()], ['hit', 'key', 'detail']);
    }),
  );
});
