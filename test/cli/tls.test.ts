/**
 * @module test/cli/tls
 * A proxy that serves https, and the commands that ask it.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { localhostCertificate } from '../kit/certificate.ts';
import { startOrigin } from '../kit/origin.ts';
import { Home } from './command.ts';

test('commands find and ask a proxy that serves https, by the certificate it has and no other', async (t) => {
  await using origin = await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`page ${message.url}`));
  const home = new Home(t);
  writeFileSync(join(home.directory, 'cert.pem'), localhostCertificate.cert);
  writeFileSync(join(home.directory, 'key.pem'), localhostCertificate.key);
  const proxy = await home.start('--port', '0', '--origin', origin.url, '--tls-cert', 'cert.pem', '--tls-key', 'key.pem', '--log-format', 'off');
  assert.match(proxy.stderr(), /listens on https:\/\/127\.0\.0\.1:\d+\n {2}open {5}https:/);
  const warmed = await home.run('warm', '/a', `${proxy.url}/b`);
  assert.deepEqual([warmed.code, origin.requests.map(({ url }) => url).sort()], [0, ['/a', '/b']]);
  assert.match((await home.run('explain', '/a')).stdout, /would be answered from the cache|fresh/);
  assert.equal((await home.run('purge', `${proxy.url}/a`)).stdout, 'Purged; 1 stored response was removed.\n');
  assert.match((await home.run('stats')).stdout, /requests +2 /);
});

test('a certificate that cannot be used ends the start, with its code', async (t) => {
  const home = new Home(t);
  writeFileSync(join(home.directory, 'cert.pem'), 'none');
  const { code, stderr } = await home.run('--origin', 'http://localhost:1', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem');
  assert.equal(code, 1);
  assert.match(stderr, /key\.pem with the key is not there/);
  const half = await home.run('--origin', 'http://localhost:1', '--tls-cert', 'cert.pem');
  assert.match(half.stderr, /--tls-cert and --tls-key are given together/);
});
