import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fnv1a } from './hash.ts';

// http://www.isthe.com/chongo/src/fnv/test_fnv.c
for (const [text, hash] of [['', 0x811c9dc5], ['a', 0xe40c292c], ['foobar', 0xbf9cf968], ['chongo was here!\n', 0xd49930d5]] as const) {
  it(`hashes ${JSON.stringify(text)}`, () => assert.equal(fnv1a(text), hash));
}
