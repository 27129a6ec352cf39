/**
 * @module test/origin/tls
 * https origins of a private authority: what is trusted, what is shown, and what is said where that
 * fails, whichever client asks: undici (a GET), node:http (a body), or a tunnel (an upgrade).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import type { Options } from '../../src/config.ts';
import { resolveConfig } from '../../src/config.ts';
import { probeOrigin } from '../../src/proxy/origin-reach.ts';
import { Authority, type Issued, NO_OPENSSL } from '../kit/authority.ts';
import { openRaw, rawRequest } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const HEAD = 'HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n';
const WAYS = [
  ['a GET', `GET / ${HEAD}\r\n`],
  ['a POST', `POST / ${HEAD}Content-Length: 2\r\n\r\nhi`],
  ['a WebSocket', 'GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
] as const;

describe('an https origin of a private authority', { skip: NO_OPENSSL }, () => {
  let authority: Authority;
  let server: Issued;
  let client: Issued;
  before(() => {
    authority = new Authority();
    server = authority.issue('server', 'DNS:localhost,IP:127.0.0.1');
    client = authority.issue('client', 'DNS:client.test');
  });
  after(() => authority[Symbol.dispose]());

  const start = async (options: TlsOptions): Promise<AsyncDisposable & { url: string; port: number }> => {
    const origin = createServer(options, (request, response) => void request.resume().on('end', () => response.end('from the origin')));
    origin.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfrom the origin'));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    const { port } = origin.address() as AddressInfo;
    const close = async (): Promise<void> => {
      origin.closeAllConnections();
      await new Promise((resolve) => origin.close(resolve));
    };
    return { url: `https://localhost:${port}`, port, [Symbol.asyncDispose]: close };
  };

  /** What each of the three ways brings. */
  const ask = async (options: Options): Promise<string[]> => {
    await using proxy = await startMillrace(options);
    const answers: string[] = [];
    for (const [, bytes] of WAYS) {
      const connection = await openRaw(proxy.port);
      await connection.send(bytes);
      answers.push((await connection.readAll()).toString('latin1'));
    }
    return answers;
  };

  const succeeds = async (options: Options): Promise<void> => {
    assert.equal(await probeOrigin(resolveConfig(options)), undefined);
    for (const [i, answer] of (await ask(options)).entries()) assert.match(answer, /^HTTP\/1\.1 (?:200|101) [^]*from the origin$/, WAYS[i]![0]);
  };

  const fails = async (options: Options, message: RegExp, ...codes: string[]): Promise<void> => {
    await using proxy = await startMillrace(options);
    for (const [i, [way, bytes]] of WAYS.entries()) {
      const answer = (await rawRequest(proxy.port, bytes)).toString('latin1');
      assert.match(answer, /^HTTP\/1\.1 502 /, way);
      await proxy.finished(i + 1);
      const { error } = proxy.outcomes[i]!;
      assert.ok(codes.includes(error!.code), `${way}: ${error!.code}`);
      // The client is told the kind, the log what to do.
      assert.ok(answer.includes(`"code": "${error!.code}"`), answer);
      assert.match(error!.message, message, way);
    }
  };

  const failsFromTheStart = async (options: Options, message: RegExp, code = 'ERR_ORIGIN_CERTIFICATE'): Promise<void> => {
    const found = await probeOrigin(resolveConfig(options));
    assert.match(found?.message ?? 'no problem', message);
    await fails(options, message, code);
  };

  test('is trusted with --origin-ca alone', async () => {
    await using origin = await start(server);
    await failsFromTheStart({ origin: origin.url }, /--origin-ca FILE/);
    await succeeds({ origin: origin.url, originCa: authority.file });
  });

  test('--origin-ca stands in place of the other authorities', async () => {
    using other = new Authority();
    await using origin = await start(server);
    await failsFromTheStart({ origin: origin.url, originCa: other.file }, /--origin-ca FILE/);
  });

  test('--insecure-origin takes it, and one for another name, and one that has expired', async () => {
    for (const certificate of [server, authority.issue('other', 'DNS:other.test'), authority.issue('old', 'DNS:localhost', -1)]) {
      await using origin = await start(certificate);
      await succeeds({ origin: origin.url, insecureOrigin: true });
    }
  });

  test('what is wrong with its certificate is said, with what to type', async () => {
    await using wrongName = await start(authority.issue('elsewhere', 'DNS:elsewhere.test'));
    await failsFromTheStart({ origin: wrongName.url, originCa: authority.file }, /elsewhere\.test.*host of --origin/s);
    await using expired = await start(authority.issue('expired', 'DNS:localhost', -1));
    await failsFromTheStart({ origin: expired.url, originCa: authority.file }, /CERT_HAS_EXPIRED.*Renew/s);
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a client certificate is shown to one that asks for it, over ${maxVersion}`, async () => {
      await using origin = await start({ ...server, ca: readFileSync(authority.file), requestCert: true, rejectUnauthorized: true, maxVersion });
      const options = { origin: origin.url, originCa: authority.file };
      assert.match((await probeOrigin(resolveConfig(options)))?.message ?? 'no problem', /--origin-cert FILE and --origin-key FILE/);
      // Over TLS 1.3 it is chance whether its alert comes before the end of the connection.
      await fails(options, /--origin-cert FILE and --origin-key FILE/, 'ERR_ORIGIN_TLS', 'ERR_CONNECTION_RESET');
      await succeeds({ ...options, originCert: client.certFile, originKey: client.keyFile });
    });
  }

  test('a plain origin is no https origin: the message says which URL is meant', async () => {
    await using origin = await startOrigin((_request, response) => void response.end('plain'));
    const { port } = origin;
    await failsFromTheStart({ origin: `https://localhost:${port}` }, new RegExp(`use http://localhost:${port} \\(--origin http://localhost:${port}\\)`), 'ERR_ORIGIN_SCHEME');
  });

  test('an https origin is no plain origin: the message says which URL is meant', async () => {
    await using origin = await start(server);
    await fails({ origin: `http://localhost:${origin.port}` }, new RegExp(`https on that port, use https://localhost:${origin.port}`), 'ERR_CONNECTION_RESET');
    // What OpenSSL's own server sends.
    const alert = createTcpServer((socket) => void socket.on('error', () => undefined).once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 22]))));
    await once(alert.listen(0, '127.0.0.1'), 'listening');
    const { port } = alert.address() as AddressInfo;
    await fails({ origin: `http://localhost:${port}` }, new RegExp(`Use https://localhost:${port} \\(--origin https://localhost:${port}\\)`), 'ERR_ORIGIN_SCHEME');
    alert.close();
  });

  test('one that takes the connection and says nothing: the probe says what may be wrong', async () => {
    const silent = createTcpServer((socket) => void socket.on('error', () => undefined).resume());
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as AddressInfo;
    const found = await probeOrigin(resolveConfig({ origin: `https://127.0.0.1:${port}`, connectTimeout: '50ms' }));
    assert.match(found!.message, new RegExp(`no TLS handshake within 0\\.05 s.*use http://127\\.0\\.0\\.1:${port}`));
    silent.close();
  });

  test('workers read the files too', async () => {
    await using origin = await start(server);
    await succeeds({ origin: origin.url, originCa: authority.file, workers: 2 });
  });
});
