import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls, { type TLSSocket } from 'node:tls';
import { HEAD_TIMEOUT } from '../../src/server/timeouts.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';

describe('over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  const [tlsCert, tlsKey] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const trusted = tls.getCACertificates('default');
  let origin: TestOrigin;
  let proxy: TestProxy;
  before(async () => {
    writeFileSync(tlsCert, localhostCertificate.cert);
    writeFileSync(tlsKey, localhostCertificate.key);
    tls.setDefaultCACertificates([...trusted, localhostCertificate.cert]);
    origin = await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(`from the origin ${message.url}`));
    proxy = await startMillrace({ origin: origin.url, tlsCert, tlsKey });
  });
  after(async () => {
    await proxy.close();
    await origin.close();
    tls.setDefaultCACertificates(trusted);
    rmSync(directory, { recursive: true });
  });

  const shake = async (ALPNProtocols: string[] | undefined): Promise<TLSSocket> => {
    const socket = tls.connect({ port: proxy.port, host: '127.0.0.1', ...(ALPNProtocols !== undefined && { ALPNProtocols }) });
    await once(socket, 'secureConnect');
    return socket;
  };

  test('HTTP/2 and HTTP/1.1 have one cache, and the origin is told that it was https', async () => {
    assert.match(proxy.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    await using client = await Http2Client.connect(proxy.url);
    const miss = await client.request('/page');
    const hits = [await request(`${proxy.url}/page`), await client.request('/page')];
    assert.deepEqual([miss, ...hits].map(({ headers, body, httpVersion }) => [headers.get('x-cache'), body.toString(), httpVersion]), [
      ['MISS', 'from the origin /page', '2.0'],
      ['HIT', 'from the origin /page', hits[0]!.httpVersion],
      ['HIT', 'from the origin /page', '2.0'],
    ]);
    const { headers } = origin.requests.at(-1)!;
    assert.equal(headers.get('x-forwarded-proto'), 'https');
    assert.match(headers.get('forwarded')!, /;proto=https$/);
    assert.match(headers.get('via')!, /^2\.0 millrace$/);
  });

  test('ALPN decides, HTTP/2 first; who names nothing gets HTTP/1.1', async () => {
    for (const [offered, chosen] of [[['http/1.1', 'h2'], 'h2'], [['http/1.1'], 'http/1.1'], [undefined, false]] as const) {
      const socket = await shake(offered?.slice());
      assert.equal(socket.alpnProtocol, chosen);
      if (chosen !== 'h2') {
        socket.write(`GET /page HTTP/1.1\r\nHost: ${new URL(proxy.url).host}\r\nConnection: close\r\n\r\n`);
        const received = Buffer.concat((await socket.toArray()) as Buffer[]).toString('latin1');
        assert.match(received, /^HTTP\/1\.1 200 OK\r\n[^]*from the origin \/page$/);
      }
      socket.destroy();
    }
    await assert.rejects(shake(['spdy/3']), { code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
  });

  test('the preface of HTTP/2 is none where ALPN did not choose it', async () => {
    const socket = await shake(['http/1.1']);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    assert.match(Buffer.concat((await socket.toArray()) as Buffer[]).toString('latin1'), /^HTTP\/1\.1 400 /);
  });

  test('where the end of the connection ends the body, TLS says whether that is whole', async () => {
    for (const isWhole of [true, false]) {
      const source = await startOrigin((_message, response) => {
        response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
        if (isWhole) response.end('half');
        else response.write('half', () => response.destroy());
      });
      await using other = await startMillrace({ origin: source.url, tlsCert, tlsKey });
      // Between client and proxy, to see what TLS says; since TLS 1.3 that cannot be seen.
      const sent: Buffer[] = [];
      const relay = createServer((client) => {
        const server = connectTcp(other.port, '127.0.0.1').on('data', (bytes: Buffer) => sent.push(bytes));
        client.pipe(server).pipe(client);
        for (const socket of [client, server]) socket.on('error', () => undefined);
      });
      await once(relay.listen(0, '127.0.0.1'), 'listening');
      const socket = tls.connect({ port: (relay.address() as AddressInfo).port, host: '127.0.0.1', maxVersion: 'TLSv1.2' }).on('error', () => undefined);
      socket.write('GET / HTTP/1.0\r\n\r\n');
      await once(socket.resume(), 'close');
      assert.equal(lastRecord(Buffer.concat(sent)), isWhole ? ALERT : DATA);
      relay.close();
      await source.close();
    }
  });

  test('what speaks no TLS is let go, and nobody notices', async () => {
    const socket = connectTcp(proxy.port, '127.0.0.1').on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket.resume(), 'close');
    assert.equal((await request(`${proxy.url}/page`)).status, 200);
  });

  test('WebSockets pass through', async () => {
    await using raw = await startRawOrigin(async (connection) => {
      await connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      await connection.send(`back ${(await connection.readBytes(4)).toString()}`);
      connection.end();
    });
    await using other = await startMillrace({ origin: raw.url, tlsCert, tlsKey });
    const socket = tls.connect({ port: other.port, host: '127.0.0.1' });
    socket.write('GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nforw');
    assert.match(Buffer.concat((await socket.toArray()) as Buffer[]).toString('latin1'), /^HTTP\/1\.1 101 [^]*\r\n\r\nback forw$/);
  });

  test('the administration is asked over TLS too, on a port of its own as well', async () => {
    await using other = await startMillrace({ origin: origin.url, tlsCert, tlsKey, adminPort: 0 });
    await using client = await Http2Client.connect(proxy.url);
    assert.equal((await client.request('/__admin/clear-cache', { method: 'POST', headers: { Authorization: `Bearer ${proxy.adminSecret}` } })).status, 200);
    assert.equal((await request(`${proxy.url}/health`)).status, 200);
    assert.match(other.adminUrl!, /^https:/);
    assert.equal((await request(`${other.adminUrl}/__admin/stats`)).status, 200);
    await request(`${other.url}/page`);
    const explained = JSON.parse((await request(`${other.adminUrl}/__admin/explain?url=${encodeURIComponent(`${other.url}/page`)}`)).body.toString()) as { stored: { matches: boolean }[] };
    assert.deepEqual(explained.stored.map(({ matches }) => matches), [true]);
  });

  test('two workers serve it', async () => {
    await using other = await startMillrace({ origin: origin.url, tlsCert, tlsKey, workers: 2 });
    const results = [];
    for (let i = 0; i < 4; i++) {
      await using client = await Http2Client.connect(other.url);
      results.push((await client.request('/shared')).headers.get('x-cache'));
    }
    assert.deepEqual(results, ['MISS', 'HIT', 'HIT', 'HIT']);
  });

  test('a client that ends its side within the handshake is let go at once', async () => {
    const startedAt = performance.now();
    for (const begun of ['', '16030100f8010000']) {
      const socket = connectTcp({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.end(Buffer.from(begun, 'hex'));
      await once(socket.resume(), 'end');
      socket.destroy();
    }
    assert.ok(performance.now() - startedAt < HEAD_TIMEOUT);
  });

  test('handshakes under way do not hold up the end', async () => {
    const other = await startMillrace({ origin: origin.url, tlsCert, tlsKey, shutdownTimeout: 3600 });
    const socket = connectTcp(other.port, '127.0.0.1');
    await once(socket, 'connect');
    // Accepted after that one.
    assert.equal((await request(`${other.url}/page`)).status, 200);
    const closed = once(socket.resume(), 'close');
    await other.close();
    await closed;
  });
});

const ALERT = 21;
const DATA = 23;

/** The type of the last: https://www.rfc-editor.org/rfc/rfc5246.html#section-6.2.1 */
function lastRecord(bytes: Buffer): number {
  let type = 0;
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) type = bytes[at]!;
  return type;
}
