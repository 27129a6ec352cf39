import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { localhostCertificate } from '../kit/certificate.ts';
import { request } from '../kit/client.ts';
import { Home } from '../cli/command.ts';
import { startOrigin } from '../kit/origin.ts';
import { freePort } from '../kit/port.ts';
import { skipWithoutRedis, startRedis, startSentinel } from '../kit/redis-server.ts';
import { until } from '../kit/until.ts';
import { Node, pages, shareAmong, sharedIn, startFleet, versionOf } from './fleet.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
/** What the README says that a user needs to be allowed. */
const RIGHTS = /An ACL user needs `([^`]+)`/u.exec(README)![1]!;

async function startSecure(t: TestContext): Promise<{ url: string; ca: string; server: Awaited<ReturnType<typeof startRedis>> }> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(directory, name)) as [string, string];
  writeFileSync(cert, localhostCertificate.cert);
  writeFileSync(key, localhostCertificate.key);
  const port = await freePort();
  const server = await startRedis(t, '--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert, '--tls-auth-clients', 'no');
  server.cli('acl', 'setuser', 'millrace', 'on', '>p@ss/word', ...RIGHTS.split(' '));
  return { url: `rediss://millrace:p%40ss%2Fword@127.0.0.1:${port}`, ca: cert, server };
}

test('over TLS, as a user who may do what the README says and no more', { skip: skipWithoutRedis }, async (t) => {
  const { handler } = pages();
  await using origin = await startOrigin(handler);
  const { url, ca, server } = await startSecure(t);
  const start = async (): Promise<Node> => new Node(await new Home(t, { NODE_EXTRA_CA_CERTS: ca }).start('--port', '0', '--origin', origin.url, '--log-format', 'off', '--redis', url));
  const nodes = [await start(), await start()];
  for (const node of nodes) await node.untilThere();
  await shareAmong(nodes, '/a/1', sharedIn([server], 'millrace:'));
  const version = versionOf(await nodes[1]!.get('/a/1'));
  await nodes[0]!.purge({ prefix: '/a/' });
  await until('the purge is in force', () => nodes[1]!.get('/a/1'), (response) => versionOf(response) > version);
  await nodes[0]!.purge({ all: true });
  // Its figures are the server's.
  await until('the figures of the server have come', () => nodes[0]!.peer(), ({ bytes }) => bytes > 0);
  const large = Buffer.alloc(600_000, 'x');
  origin.server.removeAllListeners('request');
  origin.server.on('request', (_request, response) => response.setHeader('Cache-Control', 'max-age=60').end(large));
  await shareAmong(nodes, '/large', sharedIn([server], 'millrace:'));
  await request(`${nodes[0]!.running.url}/large`, { method: 'DELETE', headers: { Host: 'shop.example' } });
  for (const node of nodes) assert.doesNotMatch(node.running.stderr(), /refuses|NOPERM|p@ss|p%40ss/u);
});

test('without the authority of its certificate, or with a wrong password, it is away, and nothing says the password', { skip: skipWithoutRedis }, async (t) => {
  const { handler } = pages();
  await using origin = await startOrigin(handler);
  const { url, ca } = await startSecure(t);
  const untrusting = await Node.start(t, origin.url, '--redis', url);
  await untrusting.running.wrote('stderr', /is away \(.*certificate/u);
  const wrong = new Node(await new Home(t, { NODE_EXTRA_CA_CERTS: ca }).start('--port', '0', '--origin', origin.url, '--redis', url.replace('word@', 'other@')));
  await wrong.running.wrote('stderr', /is away \(WRONGPASS/u);
  for (const node of [untrusting, wrong]) {
    assert.equal(await node.result('/a/1'), 'MISS');
    assert.equal(await node.result('/a/1'), 'HIT');
    assert.doesNotMatch(node.running.stderr() + JSON.stringify(await node.stats()), /p@ss|p%40ss/u);
  }
});

test('by Sentinel: when its server fails, the one that takes its place is used, and knows the purges', { skip: skipWithoutRedis }, async (t) => {
  const { handler } = pages();
  await using origin = await startOrigin(handler);
  const master = await startRedis(t);
  const replica = await startRedis(t, '--replicaof', '127.0.0.1', String(master.port));
  const sentinel = await startSentinel(t, master);
  await until('the replica follows', async () => sentinel.cli('sentinel', 'replicas', 'main'), (text) => text.includes(String(replica.port)) && replica.cli('info', 'replication').includes('master_link_status:up'));
  const nodes = await startFleet(t, origin.url, () => ['--redis', `redis+sentinel://127.0.0.1:${sentinel.port}?master=main`]);
  await shareAmong(nodes, '/a/1', sharedIn([master], 'millrace:'));
  const version = versionOf(await nodes[2].get('/a/1'));
  await master.kill();
  for (const node of nodes) {
    await node.untilThere(false);
    assert.equal(versionOf(await node.get('/a/1')), version);
  }
  await nodes[0].purge({ tag: 'a' });
  // Only now: nobody would be seen to be away where another server had taken its place already.
  await until('Sentinel puts the replica in its place', async () => sentinel.cli('sentinel', 'failover', 'main'), (reply) => reply === 'OK');
  for (const node of nodes) await node.untilThere();
  for (const node of nodes) await until('the purge is in force', () => node.get('/a/1'), (response) => versionOf(response) > version);
  await shareAmong(nodes, '/b/1', sharedIn([replica], 'millrace:'));
});
