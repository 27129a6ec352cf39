/**
 * @module test/lanes/half-closed
 * A client that ends its side of the connection after its request gets its answer, on every lane, and the
 * connection does not outlive that.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { localhostCertificate } from '../kit/certificate.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import { RawConnection } from '../kit/raw-connection.ts';
import { until } from '../kit/until.ts';
import type { Options } from '../../src/config.ts';
import { HALF_CLOSED } from '../../src/server/node-reply.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-half-closed-'));
after(() => rmSync(directory, { recursive: true }));
const tlsCert = join(directory, 'cert.pem');
const tlsKey = join(directory, 'key.pem');
writeFileSync(tlsCert, localhostCertificate.cert);
writeFileSync(tlsKey, localhostCertificate.key);

const LANES = {
  fast: { options: {}, line: '' },
  'fast, by way of node:http': { options: {}, line: 'Keep-Alive: 5\r\n' },
  general: { options: { fastLane: false }, line: '' },
  TLS: { options: { tlsCert, tlsKey }, line: '' },
};

const LARGE = Buffer.alloc(3_000_000, 'x');

async function dial(port: number, isTls: boolean): Promise<RawConnection> {
  const to = { port, host: '127.0.0.1', allowHalfOpen: true };
  const socket = isTls ? connectTls({ ...to, ca: localhostCertificate.cert, servername: 'localhost' }) : connect(to);
  await once(socket, isTls ? 'secureConnect' : 'connect');
  return new RawConnection(socket);
}

describe('half-closed', { concurrency: true }, () => {
  for (const [name, { options, line }] of Object.entries(LANES)) describe(name, () => half(options, line));
});

function half(options: Options, line: string): void {
  const isTls = 'tlsCert' in options;
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${line}\r\n`;

  /** What comes of the bytes, from a client that ends its side behind them. */
  async function halfClosed(port: number, bytes: string): Promise<string> {
    const connection = await dial(port, isTls);
    connection.socket.end(Buffer.from(bytes, 'latin1'));
    const received = await connection.readAll();
    assert.equal(await connection.closed, 'end');
    connection.socket.destroy();
    return received.toString('latin1');
  }

  test('a miss that takes its time, and a hit', async () => {
    const answered = gate();
    await using origin = await startOrigin(async (_message, response) => {
      await answered.wait;
      response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('body');
    });
    await using proxy = await startMillrace({ origin: origin.url, ...options });
    const miss = halfClosed(proxy.port, get('/a'));
    await origin.arrived(1);
    answered.open();
    assert.match(await miss, /^HTTP\/1\.1 200 OK\r\n[^]*X-Cache: MISS\r\n[^]*Connection: close\r\n[^]*body/);
    assert.match(await halfClosed(proxy.port, get('/a')), /^HTTP\/1\.1 200 OK\r\n[^]*X-Cache: HIT\r\n[^]*body/);
  });

  test('a large hit, and a large miss', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end(LARGE));
    await using proxy = await startMillrace({ origin: origin.url, ...options });
    for (const result of ['MISS', 'HIT']) {
      const received = await halfClosed(proxy.port, get('/large'));
      assert.ok(received.includes(`X-Cache: ${result}\r\n`));
      assert.ok(received.length > LARGE.length);
    }
  });

  test('a POST with its body', async () => {
    await using origin = await startOrigin(async (_message, response, { body }) => {
      const length = (await body()).length;
      response.writeHead(201, { 'X-Length': length }).end('made');
    });
    await using proxy = await startMillrace({ origin: origin.url, ...options });
    const received = await halfClosed(proxy.port, `POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello`);
    assert.match(received, /^HTTP\/1\.1 201 Created\r\n[^]*X-Length: 5\r\n[^]*made/);
  });

  test('several requests, of which each is answered', async () => {
    await using origin = await startOrigin((message, response) => void response.writeHead(200, { 'Cache-Control': 'no-store' }).end(`body of ${message.url}.`));
    await using proxy = await startMillrace({ origin: origin.url, ...options });
    const received = await halfClosed(proxy.port, get('/1') + get('/2') + get('/3'));
    assert.deepEqual(received.match(/body of \/\d/g), ['body of /1', 'body of /2', 'body of /3']);
  });

  test('a request that is cut off is not carried out', async () => {
    await using origin = await startOrigin((_message, response) => void response.end());
    await using proxy = await startMillrace({ origin: origin.url, ...options });
    await halfClosed(proxy.port, 'GET /cut HTTP/1.1\r\nHost: loc');
    await halfClosed(proxy.port, 'POST /cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhe');
    assert.ok(origin.requests.every(({ complete }) => !complete));
  });

  test('and idle connections end', async () => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('body'));
    await using proxy = await startMillrace({ origin: origin.url, ...options });
    const connection = await dial(proxy.port, isTls);
    await connection.send(get('/a'));
    await connection.readUntil('body');
    connection.socket.end();
    assert.equal(await connection.closed, 'end');
  });

  // It takes HALF_CLOSED, on all lanes at once.
  test('a stream that says nothing for some seconds ends with it, and so does the origin’s side', async (t) => {
    await using origin = await startOrigin((_message, response) => void response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).write('data: 1\n\n'));
    await using proxy = await startMillrace({ origin: origin.url, ...options });
    const connection = await dial(proxy.port, isTls);
    await connection.send(get('/events'));
    await connection.readUntil('data: 1');
    const startedAt = performance.now();
    connection.socket.end();
    await connection.closed;
    t.diagnostic(`ended after ${Math.round(performance.now() - startedAt)} ms`);
    assert.ok(performance.now() - startedAt < 3 * HALF_CLOSED);
    await until('the request to the origin has ended', () => proxy.outcomes.length === 1);
    assert.equal(proxy.outcomes[0]!.error?.code, 'ERR_CLIENT_GONE');
  });
}
