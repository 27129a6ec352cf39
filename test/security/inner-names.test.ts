/**
 * No response of ours tells clients how the network behind the proxy looks: addresses, ports, names and the
 * base path of the origin, nor, where they come from elsewhere, the options that the proxy was started with.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Options } from '../../src/config.ts';
import type { MillraceError } from '../../src/errors.ts';
import { createProxy } from '../../src/index.ts';
import { checkAddress } from '../../src/origin/address.ts';
import { rawRequest } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type RawOrigin, startRawOrigin } from '../kit/origin.ts';
import { freePort } from '../kit/port.ts';
import { startMillrace } from '../kit/proxy.ts';

interface Failing {
  readonly origin: string;
  readonly options?: Options;
}

const FAILURES: Readonly<Record<string, (origin: (bytes: string) => Promise<RawOrigin>) => Promise<Failing>>> = {
  'an origin that is not there': async () => ({ origin: `http://127.0.0.1:${await freePort()}/secret-base` }),
  'an origin whose name is not known': async () => ({ origin: 'http://db-internal-17.corp.invalid:3000/secret-base' }),
  'an origin that closes': async (start) => ({ origin: `${(await start('')).url}/secret-base` }),
  'an origin that sends nonsense': async (start) => ({ origin: `${(await start('nonsense\r\n\r\n')).url}/secret-base` }),
  'a response that could be framed in two ways': async (start) => ({ origin: `${(await start('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')).url}/secret-base` }),
  'a response with too many fields': async (start) => ({ origin: `${(await start(`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(300)}Content-Length: 0\r\n\r\n`)).url}/secret-base` }),
  'an https origin that does no handshake': async (start) => ({ origin: `${(await start('')).url.replace('http:', 'https:')}/secret-base`, options: { connectTimeout: '0.2s' } }),
  'an origin that does not answer in time': async (start) => ({ origin: `${(await start('HTTP/1.1 200')).url}/secret-base`, options: { originTimeout: '0.2s' } }),
};

const TARGETS = ['/x', '/../x', '/%2e%2e/x', '/..;a/x'];

/** Of the proxy's own start, and of what is behind it. */
const TELLTALE = /secret-base|db-internal|127\.0\.0\.1|localhost|--[a-z]/;

const fieldsAndBody = ({ headers, body }: { headers: Iterable<readonly [string, string]>; body: string }): string => [...headers].map((line) => line.join(': ')).join('\n') + body;

for (const [name, fail] of Object.entries(FAILURES)) {
  test(`nothing inner is told of ${name}`, async () => {
    const started: RawOrigin[] = [];
    const { origin, options } = await fail(async (bytes) => {
      const raw = await startRawOrigin(async (connection) => {
        await connection.send(bytes);
        if (!bytes.endsWith(' 200')) connection.end();
      });
      started.push(raw);
      return raw;
    });
    await using proxy = await startMillrace({ origin, ...options });
    await using http2 = await Http2Client.connect(proxy.url);
    for (const target of TARGETS) {
      for (const method of ['GET', 'POST']) {
        const raw = await rawRequest(proxy.port, `${method} ${target} HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        const text = raw.toString('latin1');
        assert.match(text, /^HTTP\/1\.1 (?:400|50[24]) /);
        assert.doesNotMatch(text, TELLTALE);
        const { headers, body, status } = await http2.request('/', { method, target, headers: { Host: 'www.example.com' } });
        assert.ok(status >= 400);
        assert.doesNotMatch(fieldsAndBody({ headers, body: body.toString() }), TELLTALE);
      }
      const plain = await rawRequest(proxy.port, `GET ${target} HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n`);
      assert.doesNotMatch(plain.toString('latin1'), TELLTALE);
    }
    for (const each of started) await each.close();
  });
}

test('options are named to clients on this machine alone', async () => {
  const proxy = createProxy({ allowHost: ['www.example.com'] });
  try {
    const tell = async (clientAddress: string): Promise<string> => {
      const response = await proxy.fetch(new Request('http://www.example.com/other.example/'), { clientAddress });
      return fieldsAndBody({ headers: response.headers, body: await response.text() });
    };
    assert.match(await tell('127.0.0.1'), /--allow-host other\.example/);
    assert.doesNotMatch(await tell('192.0.2.1'), /--[a-z]/);
  } finally {
    await proxy.close();
  }
});

test('nor is it told elsewhere what a name resolves to', () => {
  const rules = { names: () => false, isOwn: () => false };
  assert.throws(() => checkAddress('169.254.9.9', 'intranet.example', 80, rules), (error: MillraceError) => {
    assert.match(error.message, /169\.254\.9\.9/);
    assert.doesNotMatch(error.publicMessage, /169\.254/);
    return true;
  });
});
