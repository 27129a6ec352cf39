import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { type Outcome, createProxy } from '../../src/index.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { openRaw, rawRequest, request } from '../kit/client.ts';
import { startOrigin, startRawOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { attach } from './attached.ts';

describe('createProxy', () => {
  test('caches, counts, explains and purges on a server of the program', async () => {
    const origin = closing(await startOrigin((_request, response) => void response.setHeader('Cache-Control', 'max-age=60').end('hello')));
    const { proxy, url } = await attach({ origin: origin.url });
    const outcomes: Outcome[] = [];
    const forget = proxy.onOutcome((outcome) => outcomes.push(outcome));
    for (let i = 0; i < 2; i++) assert.equal((await request(`${url}/a`)).body.toString(), 'hello');
    forget();
    assert.equal((await proxy.explain(`${origin.url}/a`, { Host: new URL(url).host })).now.action, 'hit');
    assert.equal(await proxy.purge({ url: '/a' }), 1);
    assert.equal((await request(`${url}/a`)).headers.get('x-cache'), 'MISS');
    assert.deepEqual(outcomes.map(({ result }) => result), ['MISS', 'HIT']);
    assert.deepEqual([proxy.stats().hits, proxy.stats().store.objects], [1, 1]);
    await assert.rejects(async () => proxy.purge({ url: 'http://other.example/' }), { code: 'ERR_ADMIN_INPUT' });
  });

  test('leaves the paths of the administration to the origin, unless asked', async () => {
    const origin = closing(await startOrigin((message, response) => void response.end(message.url)));
    const without = await attach({ origin: origin.url });
    assert.equal((await request(`${without.url}/health`)).body.toString(), '/health');
    const withAdmin = await attach({ origin: origin.url, admin: true });
    assert.match((await request(`${withAdmin.url}/health`)).body.toString(), /"ok"/);
    assert.equal((await request(`${withAdmin.url}/__admin/clear-cache`, { method: 'POST' })).status, 403);
    const withToken = await attach({ origin: origin.url, admin: true, adminToken: 'secret' });
    assert.equal((await request(`${withToken.url}/__admin/clear-cache`, { method: 'POST' })).status, 403);
    assert.equal((await request(`${withToken.url}/__admin/clear-cache`, { method: 'POST', headers: { Authorization: 'Bearer secret' } })).status, 200);
  });

  test('hands no request to the origin that ends here, whatever it asks to switch to', async () => {
    const origin = closing(await startOrigin((_message, response) => void response.end('from the origin')));
    const { port } = await attach({ origin: origin.url, admin: true, adminToken: 'secret' }, ({ handler, upgrade }) => createServer(handler).on('upgrade', upgrade));
    const ask = async (line: string, lines = ''): Promise<string> => (await rawRequest(port, `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n${lines}\r\n`, { until: () => false })).toString('latin1');
    assert.match(await ask('GET /__admin/stats'), /^HTTP\/1\.1 403 [^]*ERR_ADMIN_DENIED/);
    assert.match(await ask('GET /__admin/stats', 'Authorization: Bearer secret\r\n'), /^HTTP\/1\.1 200 [^]*"requests"/);
    assert.match(await ask('PURGE /'), /^HTTP\/1\.1 403 [^]*ERR_PURGE_DENIED/);
    assert.match(await ask('TRACE /', 'Max-Forwards: 0\r\nCookie: a=secret\r\n'), /^HTTP\/1\.1 200 (?![^]*secret)/);
    assert.equal(origin.requests.length, 0);
  });

  test('tells the origin that its client came by https', async () => {
    const origin = closing(await startOrigin((message, response) => void response.end(message.headers['x-forwarded-proto'])));
    const { port } = await attach({ origin: origin.url }, ({ handler }) => createHttpsServer(localhostCertificate, handler));
    const { Agent, get } = await import('node:https');
    const agent = new Agent({ rejectUnauthorized: false });
    const [response] = (await once(get({ port, host: '127.0.0.1', agent }), 'response')) as [NodeJS.ReadableStream];
    assert.equal(String((await once(response, 'data'))[0]), 'https');
    agent.destroy();
  });

  test('passes tunnels through', async () => {
    const origin = closing(await startRawOrigin((connection) => void connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nhello')));
    const { port } = await attach({ allowHost: ['127.0.0.1'], allowConnect: true }, ({ handler, upgrade, connect }) => createServer(handler).on('upgrade', upgrade).on('connect', connect));
    const upgraded = await openRaw(port);
    void upgraded.send(`GET /127.0.0.1:${origin.port}/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n`);
    assert.match((await upgraded.readUntil('hello')).toString('latin1'), /^HTTP\/1\.1 101 /);
    const tunnel = await openRaw(port);
    void tunnel.send(`CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match((await tunnel.readUntil('hello')).toString('latin1'), /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 101 /);
  });

  test('keeps the cache on disk where it is told, and warns the process of what is damaged', async (t) => {
    const directory = join(mkdtempSync(join(tmpdir(), 'millrace-library-')), 'cache');
    t.after(() => rmSync(dirname(directory), { recursive: true, force: true }));
    const origin = closing(await startOrigin((_request, response) => void response.setHeader('Cache-Control', 'max-age=60').end('hello')));
    const ask = async (url: string): Promise<string | undefined> => (await request(url, { headers: { Host: 'www.example' } })).headers.get('x-cache');
    const first = await attach({ origin: origin.url, cacheDir: directory });
    assert.equal(await ask(first.url), 'MISS');
    assert.throws(() => createProxy({ origin: origin.url, cacheDir: directory }), { code: 'ERR_STORE', message: /in use by another running proxy/ });
    await first.proxy.close();
    const second = await attach({ origin: origin.url, cacheDir: directory });
    assert.equal(await ask(second.url), 'HIT');
    await second.proxy.close();
    rmSync(join(directory, 'stamps'));
    const warned = once(process, 'warning') as Promise<[Error]>;
    const third = await attach({ origin: origin.url, cacheDir: directory });
    const [{ name, message }] = await warned;
    assert.equal(name, 'MillraceWarning');
    assert.match(message, /begins empty/);
    assert.equal(await ask(third.url), 'MISS');
  });

  test('wants to know which hosts may be reached', () => {
    assert.throws(() => createProxy({}), { code: 'ERR_CONFIG', message: /"origin".*"allowHost"/ });
    assert.throws(() => createProxy({ origin: 'nonsense' }), { code: 'ERR_CONFIG', message: /origin/ });
  });
});
