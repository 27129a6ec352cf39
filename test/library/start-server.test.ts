import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type MillraceServer, type Options, type Outcome, type ServerListeners, startServer } from '../../src/index.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';

const tagged = async (): Promise<TestOrigin> => closing(await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Surrogate-Key': 'all' }).end(message.url)));
const started = async (options: Options, listeners?: ServerListeners): Promise<MillraceServer> => closing(await startServer({ port: 0, shutdownTimeout: 1, ...options }, listeners));

describe('startServer', () => {
  for (const workers of [1, 2]) {
    test(`serves, counts, explains and purges with ${workers === 1 ? 'one thread' : 'two workers'}`, async () => {
      const origin = await tagged();
      const outcomes: Outcome[] = [];
      const both = Promise.withResolvers<void>();
      const server = await started({ origin: origin.url, workers }, { onOutcome: (outcome) => outcomes.push(outcome) === 2 && both.resolve() });
      for (const result of ['MISS', 'HIT']) assert.equal((await request(`${server.url}/a`)).headers.get('x-cache'), result);
      await both.promise;
      assert.deepEqual(outcomes.map(({ result }) => result), ['MISS', 'HIT']);
      const explained = await server.explain('/a', { Host: new URL(server.url).host });
      assert.equal(explained.now.action, 'hit');
      const stats = await server.stats();
      assert.deepEqual([stats.requests, stats.hits, stats.store.objects, stats.workers?.length ?? 1], [2, 1, 1, workers]);
      assert.equal(await server.purge({ url: '/a' }), 1);
      assert.equal((await request(`${server.url}/a`)).headers.get('x-cache'), 'MISS');
      await server.purge({ tag: 'all' });
      assert.equal((await request(`${server.url}/a`)).headers.get('x-cache'), 'MISS');
      await assert.rejects(server.purge({ url: 'http://other.example/' }), { name: 'MillraceError', code: 'ERR_ADMIN_INPUT' });
      assert.match((await request(`${server.adminUrl!}/health`)).body.toString(), /"ok"/);
      await server.close();
      await assert.rejects(request(server.url), { code: 'ECONNREFUSED' });
    });
  }

  test('speaks HTTP/2 over TLS', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-start-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const [tlsCert, tlsKey] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    writeFileSync(tlsCert, localhostCertificate.cert);
    writeFileSync(tlsKey, localhostCertificate.key);
    const { port, url } = await started({ origin: (await tagged()).url, tlsCert, tlsKey });
    assert.match(url, /^https:/);
    await using client = await Http2Client.connect(`https://localhost:${port}`, { ca: localhostCertificate.cert });
    assert.equal((await client.request('/a')).body.toString(), '/a');
  });

  test('says which option is wrong, or which port is taken', async () => {
    const { port } = await started({ origin: 'http://127.0.0.1:1' });
    await assert.rejects(startServer({ origin: 'http://127.0.0.1:1', port }), { code: 'ERR_LISTEN' });
    await assert.rejects(startServer({ origin: 'nonsense' }), { code: 'ERR_CONFIG', message: /origin/ });
  });
});
