import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CREDENTIAL_NAMES, HARMLESS_NAMES } from '../../test/security/field-names.ts';
import { isCredential, isKnownCredential } from './credentials.ts';

describe('a field that says who asks', () => {
  for (const name of CREDENTIAL_NAMES) {
    test(name, () => {
      assert.ok(isCredential(name));
      for (const spelled of [name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_')]) assert.ok(isCredential(spelled), spelled);
    });
  }
});

describe('a field that does not', () => {
  for (const name of HARMLESS_NAMES) test(name, () => assert.ok(!isCredential(name)));
});

test('is told from memory as well, whatever was asked before', () => {
  const long = `X-${'a'.repeat(200)}-Token`;
  for (let turn = 0; turn < 3; turn++) {
    for (const name of [...CREDENTIAL_NAMES, ...HARMLESS_NAMES, ...HARMLESS_NAMES.map((each) => each.toLowerCase()), long, '']) assert.equal(isKnownCredential(name), isCredential(name), name);
  }
});
