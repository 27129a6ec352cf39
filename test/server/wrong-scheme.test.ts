/**
 * @module test/server/wrong-scheme
 * Clients that speak TLS on the port for plain HTTP, plain HTTP on the port for TLS, or nothing.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { resolveConfig } from '../../src/config.ts';
import { ProxyParts } from '../../src/proxy.ts';
import { Http2Lane } from '../../src/server/http2.ts';
import { createNodeServer } from '../../src/server/node-server.ts';
import { NodeLane } from '../../src/server/node.ts';
import { TlsDoor } from '../../src/server/tls.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { openRaw, rawRequest } from '../kit/client.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const CLIENT_HELLO = '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03';

describe('the wrong scheme', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-scheme-'));
  const certificate = { tlsCert: join(directory, 'cert.pem'), tlsKey: join(directory, 'key.pem') };
  let origin: TestOrigin;
  before(async () => {
    writeFileSync(certificate.tlsCert, localhostCertificate.cert);
    writeFileSync(certificate.tlsKey, localhostCertificate.key);
    origin = await startOrigin((_request, response) => void response.end('from the origin'));
  });
  after(async () => {
    await origin.close();
    rmSync(directory, { recursive: true });
  });

  for (const [bytes, url] of [
    ['GET /a?b HTTP/1.1\r\nHost: localhost:8443\r\n\r\n', 'https://localhost:8443/a?b'],
    ['PROPFIND / HTTP/1.0\r\nAccept: */*\r\nhost:example.test\r\n\r\n', 'https://example.test/'],
    ['GET / HTTP/1.1\r\nHost: a"b<c>\r\n\r\n', 'an https:// URL'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'an https:// URL'],
    ['\x80\x2e\x01', 'an https:// URL'],
  ] as const) {
    test(`plain bytes on the port for https are told to use ${url}`, async () => {
      await using proxy = await startMillrace({ origin: origin.url, ...certificate });
      const answer = (await rawRequest(proxy.port, bytes)).toString('latin1');
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\nConnection: close\r\n/);
      const { code, detail } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { code: string; detail: string };
      assert.equal(code, 'ERR_SCHEME');
      assert.ok(detail.endsWith(`Use ${url}.`), detail);
      assert.deepEqual(proxy.outcomes.map(({ method, url: told, status, error }) => [method, told, status, error?.code]), [['-', '-', 400, 'ERR_SCHEME']]);
      assert.equal(origin.requests.length, 0);
    });
  }

  for (const fastLane of [true, false]) {
    test(`a TLS handshake on the plain port ends at once, and the log says why (fastLane: ${fastLane})`, async () => {
      await using proxy = await startMillrace({ origin: origin.url, fastLane });
      const socket = tls.connect({ port: proxy.port, host: '127.0.0.1' });
      await assert.rejects(once(socket, 'secureConnect'), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
      await rawRequest(proxy.port, CLIENT_HELLO);
      assert.deepEqual(proxy.outcomes.map(({ status, error }) => [status, error?.code]), [[400, 'ERR_SCHEME'], [400, 'ERR_SCHEME']]);
      assert.match(proxy.outcomes[0]!.error!.message, /Use an http:\/\/ URL\. For https, start Millrace with --tls-cert/);
    });
  }

  for (const [name, bytes] of [['nothing', ''], ['half a handshake', CLIENT_HELLO], ['one byte of it', '\x16']] as const) {
    test(`who sends ${name} on the port for https is closed after the time for a handshake`, async () => {
      const proxy = new ProxyParts(resolveConfig({ origin: origin.url }));
      const general = new NodeLane(proxy, { admin: undefined });
      const door = new TlsDoor(localhostCertificate, general, createNodeServer(general), new Http2Lane(proxy, undefined, () => undefined), 50);
      await once(door.server.listen(0, '127.0.0.1'), 'listening');
      const { port } = door.server.address() as AddressInfo;
      const done = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(done, 'secureConnect');
      const connection = await openRaw(port);
      // Bytes that drip in gain no time.
      const drip = bytes.length > 1 ? setInterval(() => void connection.send('\x00'), 10) : undefined;
      if (bytes !== '') await connection.send(bytes);
      await connection.closed;
      clearInterval(drip);
      // One whose handshake is done has the time of any other.
      done.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      assert.match(Buffer.concat((await done.toArray()) as Buffer[]).toString('latin1'), /^HTTP\/1\.1 200 [^]*from the origin/);
      await new Promise((resolve) => door.server.close(resolve));
      await proxy.close();
    });
  }
});
