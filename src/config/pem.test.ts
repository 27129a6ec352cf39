import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { localhostCertificate } from '../../test/kit/certificate.ts';
import { readAuthorities } from './pem.ts';

describe('a file of authorities', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-pem-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const { cert, key } = localhostCertificate;

  test('may hold several, with text between them', () => {
    assert.deepEqual(readAuthorities(file('two.pem', `# one\n${cert}\nand another\n${cert}`)), [cert.trim(), cert.trim()]);
  });

  const cases: readonly (readonly [name: string, path: string, message: RegExp])[] = [
    ['that is not there', join(directory, 'absent.pem'), /absent\.pem with the certificates is not there/],
    ['that is a directory', directory, /is a directory/],
    ['without a certificate', file('key.pem', key), /key\.pem holds no certificate in PEM/],
    ['that is empty', file('empty.pem', ''), /empty\.pem holds no certificate in PEM/],
    ['with a broken one among good ones', file('broken.pem', cert + cert.replace('MIIB', 'AAAA')), /Certificate 2 of 2 in .*broken\.pem cannot be read/],
  ];
  for (const [name, path, message] of cases) {
    test(`${name} is refused with its name`, () => assert.throws(() => readAuthorities(path), { code: 'ERR_CERTIFICATE', message }));
  }
});
