import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KnownNames } from './known-names.ts';

test('a name is what stands there, whatever came before at its place', () => {
  const name = fc.oneof(fc.constantFrom('Host', 'HOST', 'host', 'Via', 'X-A', 'x-a'), fc.string({ unit: fc.constantFrom('a', 'B', '-', '\xe9'), maxLength: 60 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.constantFrom(0, 1, -1, 1024))), (asked) => {
      const names = new KnownNames();
      for (const [text, hash] of asked) {
        const bytes = Buffer.from(`<${text}>`, 'latin1');
        assert.equal(names.at(bytes, 1, bytes.length - 1, hash), text);
      }
    }),
  );
});
