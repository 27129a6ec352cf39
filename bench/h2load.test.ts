import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { parseH2load, runH2load } from './h2load.ts';
import { findProgram } from './machine.ts';

const REPORT = `starting benchmark...
Application protocol: h2c
Main benchmark duration is over for thread #0. Stopping all clients.

finished in 1.00s, 4704.00 req/s, 179.56KB/s
requests: 4710 total, 4960 started, 4704 done, 4704 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 4704 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 179.56KB (183873) total, 73.67KB (75441) headers (space savings 89.33%), 22.97KB (23520) data
                     min         max         mean         sd        +/- sd
time for request:     7.38ms    330.92ms     53.42ms     44.78ms    87.07%
`;

const LOG = Array.from({ length: 100 }, (_, i) => `1795337849739370\t200\t${(100 - i) * 10}\n`).join('');

describe('the report of h2load', () => {
  test('in seconds and bytes of body', () => {
    assert.deepEqual(parseH2load(REPORT, LOG, 2), { requests: 4704, perSecond: 2352, bytes: 23_520, p50: 500 / 1e6, p99: 990 / 1e6, max: 1e-3, failures: 0 });
  });

  test('failures of connections and of answers add up', () => {
    const failing = REPORT.replace('4704 done, 4704 succeeded, 0 failed, 0 errored, 0 timeout', '4704 done, 4600 succeeded, 104 failed, 20 errored, 3 timeout').replace('0 4xx, 0 5xx', '100 4xx, 4 5xx');
    assert.equal(parseH2load(failing, LOG, 1).failures, 127);
    assert.equal(parseH2load(REPORT.replace('0 5xx', '7 5xx'), LOG, 1).failures, 7);
  });

  test('something else is refused with what it was', () => {
    assert.throws(() => parseH2load('unable to resolve the host\n', '', 1), /unable to resolve/u);
  });

  test('no answer at all is nothing to be proud of', () => {
    const nothing = REPORT.replace('4704 done, 4704 succeeded', '0 done, 0 succeeded');
    const { requests, p50, max } = parseH2load(nothing, '', 1);
    assert.deepEqual([requests, p50, max], [0, Number.NaN, Number.NaN]);
  });

  test('as it is installed', { skip: findProgram('h2load') === undefined && 'h2load is not installed' }, async () => {
    const server = createServer((_request, response) => void response.end('body'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { requests, bytes, failures, p50, p99, max } = await runH2load({ url: `http://127.0.0.1:${port}/`, connections: 2, streams: 4, seconds: 0.3, cores: undefined, fields: ['X-A: b'] });
    assert.ok(requests > 0 && bytes >= requests * 4 && failures === 0 && p50 > 0 && p99 >= p50 && max >= p99);
    await new Promise((resolve) => server.close(resolve));
  });
});
