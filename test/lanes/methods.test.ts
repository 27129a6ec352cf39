/**
 * @module test/lanes/methods
 * Methods that llhttp does not know, over every lane: the origin is asked as it is with any other method.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import type { Options } from '../../src/config.ts';
import { localhostCertificate } from '../kit/certificate.ts';
import { openRaw } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type RawOrigin, startRawOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import { RawConnection } from '../kit/raw-connection.ts';

/** Answers any request with what it was, as node:http could not read it. */
const echo = (): Promise<RawOrigin> =>
  startRawOrigin(async (connection, request) => {
    let text = request.toString('latin1');
    if (/^expect:/im.test(text)) {
      await connection.send('HTTP/1.1 100 Continue\r\n\r\n');
      text += (await connection.readBytes(1)).toString('latin1');
    }
    const framing = /^(?:content-length|transfer-encoding): (.*)\r\n/im.exec(text)?.[1] ?? '-';
    const seen = `${text.slice(0, text.indexOf(' HTTP/1.1\r\n'))} ${framing} ${JSON.stringify(text.slice(text.indexOf('\r\n\r\n') + 4))}`;
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${seen.length}\r\nCache-Control: max-age=60\r\n\r\n${seen}`);
  });

const head = (method: string, path: string, ...lines: string[]): string => [`${method} ${path} HTTP/1.1`, 'Host: example.test', ...lines, '', ''].join('\r\n');
const bodyOf = (response: Buffer): string => response.toString('latin1', response.indexOf('\r\n\r\n') + 4);
const statusOf = (response: Buffer): string => response.toString('latin1', 9, 12);

const METHODS = ['FOO', 'BAN', 'UPDATE', 'VERSION-CONTROL', 'BASELINE-CONTROL', 'get', 'Head', 'purge', 'A', "!#$%&'*+-.^_`|~", 'GET_PARAMETER', 'M'.repeat(64)];

const LANES: readonly (readonly [name: string, options: Options])[] = [['fast', { fastLane: true }], ['general', { fastLane: false }], ['TLS', {}]];

for (const [lane, options] of LANES) {
  describe(`methods that llhttp does not know: the ${lane} lane`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-methods-'));
    const isTls = lane === 'TLS';
    let origin: RawOrigin;
    let proxy: TestProxy;
    before(async () => {
      const [tlsCert, tlsKey] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
      writeFileSync(tlsCert, localhostCertificate.cert);
      writeFileSync(tlsKey, localhostCertificate.key);
      origin = await echo();
      proxy = await startMillrace({ origin: origin.url, ...options, ...(isTls ? { tlsCert, tlsKey } : {}) });
    });
    after(async () => {
      await proxy.close();
      await origin.close();
      rmSync(directory, { recursive: true });
    });

    const open = async (): Promise<RawConnection> => {
      if (!isTls) return openRaw(proxy.port);
      const socket = tls.connect({ port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      return new RawConnection(socket);
    };
    /** On one connection: what came back for each, which all stood in it. */
    const exchange = async (...sends: string[]): Promise<string[]> => {
      const connection = await open();
      const answers: string[] = [];
      for (const bytes of sends) {
        await connection.send(bytes);
        answers.push(bodyOf(await connection.readMessage()));
      }
      connection.socket.destroy();
      return answers;
    };

    test('pass as they are spelled, with a body and without, on one connection', async () => {
      for (const method of METHODS) {
        assert.deepEqual(await exchange(head(method, '/a?b'), `${head(method, '/b', 'Content-Length: 3')}a=b`, `${head(method, '/c', 'Transfer-Encoding: chunked')}3\r\na=b\r\n0\r\n\r\n`, head(method, '/d'), head('GET', '/e')), [
          `${method} /a?b 0 ""`,
          `${method} /b 3 "a=b"`,
          `${method} /c chunked "3\\r\\na=b\\r\\n0\\r\\n\\r\\n"`,
          `${method} /d 0 ""`,
          'GET /e - ""',
        ], method);
      }
    });

    test('are told to the log, and end what is stored', async () => {
      const told = proxy.outcomes.length;
      await exchange(head('GET', '/stored'), head('GET', '/stored'), head('UPDATE', '/stored'), head('GET', '/stored'));
      await proxy.finished(told + 4);
      assert.deepEqual(proxy.outcomes.slice(told).map(({ method, result, status }) => [method, result, status]), [['GET', 'MISS', 200], ['GET', 'HIT', 200], ['UPDATE', 'BYPASS', 200], ['GET', 'MISS', 200]]);
    });

    test('however they are cut, and with empty lines before them', async () => {
      const connection = await open();
      for (const byte of `\r\n\r\n${head('VERSION-CONTROL', '/cut', 'Content-Length: 2')}hi`) await connection.send(byte);
      assert.equal(bodyOf(await connection.readMessage()), 'VERSION-CONTROL /cut 2 "hi"');
      await connection.send('U');
      // Not that of a GET.
      await connection.send(head('GET', '/cut'));
      assert.equal(bodyOf(await connection.readMessage()), 'UGET /cut 0 ""');
      connection.socket.destroy();
    });

    test('as HTTP/1.0 too, with others behind them, and with 100-continue', async () => {
      const connection = await open();
      await connection.send(head('FOO', '/first') + head('GET', '/second') + head('POST', '/third', 'Content-Length: 1') + `x${head('GET', '/fourth')}`);
      for (const seen of ['FOO /first 0 ""', 'GET /second - ""', 'POST /third 1 "x"', 'GET /fourth - ""']) assert.equal(bodyOf(await connection.readMessage()), seen);
      await connection.send(head('FOO', '/old', 'Connection: keep-alive').replace('1.1', '1.0'));
      assert.equal(bodyOf(await connection.readMessage()), 'FOO /old 0 ""');
      await connection.send(`${head('FOO', '/patient', 'Expect: 100-continue', 'Content-Length: 1')}x`);
      assert.match(bodyOf(await connection.readMessage()), /FOO \/patient 1 "x"$/);
      connection.socket.destroy();
    });

    test('in a body they are none', async () => {
      assert.deepEqual(await exchange(`${head('FOO', '/outer', 'Content-Length: 35')}${head('BAR', '/x').slice(0, 35)}`, head('FOO', '/next')), [`FOO /outer 35 ${JSON.stringify(head('BAR', '/x').slice(0, 35))}`, 'FOO /next 0 ""']);
    });

    test('behind another request in one packet: that one is answered, and the connection ends', async () => {
      const connection = await open();
      await connection.send(head('GET', '/no-store?first') + head('FOO', '/never') + head('GET', '/never'));
      const all = (await connection.readAll()).toString('latin1');
      assert.match(all, /^HTTP\/1\.1 200 [^]*Connection: close[^]*GET \/no-store\?first - ""$/);
    });

    for (const [name, bytes] of [
      ['two framings', `${head('FOO', '/bad', 'Content-Length: 3', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
      ['two lengths', `${head('FOO', '/bad', 'Content-Length: 3', 'Content-Length: 4')}abcd`],
      ['no Host', 'FOO /bad HTTP/1.1\r\n\r\n'],
      ['a target that is none', head('FOO', 'bad')],
      ['another version', head('FOO', '/bad').replace('1.1', '2.0')],
    ] as const) {
      test(`with ${name} they are refused as others are`, async () => {
        const connection = await open();
        await connection.send(bytes + head('GET', '/bad'));
        const all = await connection.readAll();
        assert.equal(statusOf(all), '400');
        assert.equal(all.toString('latin1').match(/HTTP\/1\.1 /g)?.length, 1);
      });
    }

    test('too long: 501 with a problem, and the connection ends', async () => {
      const connection = await open();
      await connection.send(head('M'.repeat(65), '/never'));
      const all = await connection.readAll();
      assert.equal(statusOf(all), '501');
      assert.match(bodyOf(all), /"code": "ERR_METHOD"/);
    });
  });
}

test('over HTTP/2 they pass as they are spelled, with a body too', async () => {
  await using origin = await echo();
  await using proxy = await startMillrace({ origin: origin.url });
  await using client = await Http2Client.connect(proxy.url);
  for (const method of ['FOO', 'VERSION-CONTROL', 'get']) {
    assert.equal((await client.request('/a', { method })).body.toString(), `${method} /a 0 ""`);
    assert.match((await client.request('/b', { method, body: 'hi' })).body.toString(), new RegExp(`^${method} /b `));
  }
});

test('an https origin is asked with them too', async () => {
  const server = tls.createServer(localhostCertificate, (socket) => socket.on('error', () => undefined).once('data', (bytes: Buffer) => {
    const line = bytes.toString('latin1', 0, bytes.indexOf('\r\n'));
    socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${line.length}\r\nConnection: close\r\n\r\n${line}`);
  }));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await using proxy = await startMillrace({ origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, insecureOrigin: true });
  const connection = await openRaw(proxy.port);
  for (const method of ['FOO', 'VERSION-CONTROL', 'get']) {
    for (const [lines, body] of [[[], ''], [['Content-Length: 2'], 'hi']] as const) {
      await connection.send(head(method, '/x', ...lines) + body);
      assert.equal(bodyOf(await connection.readMessage()), `${method} /x HTTP/1.1`);
    }
  }
  connection.reset();
  server.close();
});
