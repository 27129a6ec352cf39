import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { localhostCertificate } from '../../test/kit/certificate.ts';
import { readCertificate } from './tls.ts';

describe('the certificate', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const pemOf = (options: object): string => generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem', ...options } }).privateKey;
  const cert = file('cert.pem', localhostCertificate.cert);
  const key = file('key.pem', localhostCertificate.key);

  test('is read with its key', () => {
    assert.deepEqual(readCertificate({ tlsCert: cert, tlsKey: key }), localhostCertificate);
    assert.equal(readCertificate({ tlsCert: undefined, tlsKey: undefined }), undefined);
  });

  test('may have others behind it', () => {
    const chain = localhostCertificate.cert + localhostCertificate.cert;
    assert.equal(readCertificate({ tlsCert: file('chain.pem', chain), tlsKey: key })!.cert, chain);
  });

  const absent = join(directory, 'absent.pem');
  const cases: readonly (readonly [name: string, tlsCert: string, tlsKey: string, message: RegExp])[] = [
    ['a certificate that is not there', absent, key, /absent\.pem with the certificate is not there/],
    ['a key that is not there', cert, absent, /absent\.pem with the key is not there/],
    ['a directory', directory, key, /with the certificate is a directory/],
    ['a certificate that is none', file('text.pem', 'text'), key, /text\.pem holds no certificate in PEM/],
    ['an empty certificate', file('empty.pem', ''), key, /empty\.pem holds no certificate in PEM/],
    ['the key in the place of the certificate', key, key, /key\.pem holds no certificate in PEM/],
    ['the certificate in the place of the key', cert, cert, /cert\.pem holds no private key in PEM/],
    ['a key with a pass phrase', cert, file('encrypted.pem', pemOf({ cipher: 'aes-256-cbc', passphrase: 'secret' })), /encrypted\.pem holds no private key in PEM.*pass phrase/],
    ["another's key", cert, file('other.pem', pemOf({})), /other\.pem does not belong to the certificate in .*cert\.pem/],
  ];
  for (const [name, tlsCert, tlsKey, message] of cases) {
    test(`${name} is refused with the file's name`, () => {
      assert.throws(() => readCertificate({ tlsCert, tlsKey }), { code: 'ERR_CERTIFICATE', message });
    });
  }
});
