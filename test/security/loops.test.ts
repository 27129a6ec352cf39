/**
 * Requests for the proxy itself, and for the port of its administration: by a name that stands for this
 * machine, by any of its addresses, and by a tunnel. They would come from a loopback address.
 */
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { rawRequest } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';

const MACHINE = Object.values(networkInterfaces()).flatMap((each) => each ?? []).filter(({ address, internal }) => !internal && !address.startsWith('fe80:')).map(({ address }) => address);
/** Names that can be on this machine; a public one that leads here is refused before. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'self.test': ['127.0.0.1'],
  'mapped.test': ['::ffff:127.0.0.1'],
  'twice.test': ['::1', '127.0.0.1'],
  'unspecified.test': ['0.0.0.0'],
  ...Object.fromEntries(MACHINE.map((address, i) => [`machine${i}.test`, [address]])),
};

const { lookup } = dns;
before(() => {
  const fake = (host: string, options: dns.LookupAllOptions, callback: (error: Error | null, addresses: dns.LookupAddress[]) => void): void => {
    const addresses = NAMES[host];
    if (addresses === undefined) lookup(host, options, callback);
    else callback(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
  dns.lookup = fake as unknown as typeof dns.lookup;
  syncBuiltinESMExports();
});
after(() => {
  dns.lookup = lookup;
  syncBuiltinESMExports();
});

/** The first line of what comes back for a request of each kind, and the code of the error. */
async function answers(proxy: TestProxy, host: string, port: number): Promise<string[]> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const own = `Host: localhost:${proxy.port}\r\n`;
  const requests = [
    `GET /${authority}/__admin/stats HTTP/1.1\r\n${own}\r\n`,
    `GET http://${authority}/__admin/stats HTTP/1.1\r\nHost: ${authority}\r\n\r\n`,
    `POST /${authority}/__admin/clear-cache HTTP/1.1\r\n${own}Content-Length: 8\r\n\r\nall=true`,
    `GET /${authority}/__admin/stats HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`,
  ];
  return Promise.all(requests.map(async (text) => {
    const received = (await rawRequest(proxy.port, text)).toString('latin1');
    return `${received.slice(9, 12)} ${/ERR_\w+/.exec(received)?.[0]}`;
  }));
}

const ALL_LOOPS = Array.from({ length: 5 }, () => '508 ERR_LOOP');

for (const fastLane of [true, false]) {
  describe(`a request for the proxy itself is a loop, ${fastLane ? 'with' : 'without'} the fast lane`, () => {
    const cases: [name: string, options: Parameters<typeof startMillrace>[0], hosts: readonly string[]][] = [
      ['listening on loopback', {}, ['localhost', '127.0.0.1', '127.9.9.9', '::1', 'self.test', 'mapped.test', 'twice.test']],
      ['listening on every address', { host: '0.0.0.0', allowHost: ['*', 'localhost', '127.0.0.1', 'self.test', '0.0.0.0', 'unspecified.test'] }, ['localhost', '127.0.0.1', 'self.test', '0.0.0.0', 'unspecified.test', ...MACHINE, ...Object.keys(NAMES).filter((name) => name.startsWith('machine'))]],
    ];
    for (const [name, options, hosts] of cases) {
      test(name, async () => {
        await using proxy = await startMillrace({ allowConnect: true, adminPort: 0, fastLane, ...options });
        for (const port of [proxy.port, Number(new URL(proxy.adminUrl!).port)]) for (const host of hosts) assert.deepEqual(await answers(proxy, host, port), ALL_LOOPS, `${host}:${port}`);
      });
    }

    test('and for another port of this machine is none', async () => {
      await using origin = await startOrigin((_, response) => void response.end('page'));
      await using proxy = await startMillrace({ allowConnect: true, fastLane });
      for (const host of ['self.test', '127.0.0.1']) {
        const received = await rawRequest(proxy.port, `GET /${host}:${origin.port}/ HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n\r\n`);
        assert.match(received.toString('latin1'), /^HTTP\/1\.1 200 [^]*page$/, host);
      }
    });
  });
}

test('over HTTP/2 too', async () => {
  await using proxy = await startMillrace({ adminPort: 0 });
  await using client = await Http2Client.connect(proxy.url);
  for (const port of [proxy.port, Number(new URL(proxy.adminUrl!).port)]) {
    for (const host of ['self.test', 'localhost', '127.0.0.1']) assert.equal((await client.request(`/${host}:${port}/__admin/stats`)).status, 508, `${host}:${port}`);
  }
});

test('two workers know it', async () => {
  await using proxy = await startMillrace({ allowConnect: true, adminPort: 0, workers: 2 });
  for (const port of [proxy.port, Number(new URL(proxy.adminUrl!).port)]) for (const host of ['localhost', '127.0.0.1']) assert.deepEqual(await answers(proxy, host, port), ALL_LOOPS, `${host}:${port}`);
});
