import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseWrk } from './wrk.ts';

const REPORT = `Running 7s test @ http://127.0.0.1:8080/hit/1k
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   394.08us  104.83us   2.35ms   90.11%
    Req/Sec    79.13k     5.51k   85.00k    80.00%
  Latency Distribution
     50%  371.00us
     75%  411.00us
     90%    1.20ms
     99%    1.50s 
  86636 requests in 1.10s, 112.28MB read
Requests/sec:  78731.25
Transfer/sec:    102.04MB
`;

describe('the report of wrk', () => {
  test('in seconds and bytes', () => {
    assert.deepEqual(parseWrk(REPORT), { requests: 86_636, perSecond: 78_731.25, bytes: 112.28 * 2 ** 20, p50: 371 * 1e-6, p99: 1.5, max: 2.35 * 1e-3, failures: 0 });
  });

  test('failures of sockets and of answers add up', () => {
    const failing = REPORT.replace('Requests/sec', '  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\nRequests/sec');
    assert.equal(parseWrk(failing).failures, 54_321);
  });

  test('every unit', () => {
    for (const [text, seconds] of [['12.00us', 12 * 1e-6], ['3.40ms', 3.4 * 1e-3], ['2.00s', 2], ['1.50m', 90]] as const) assert.equal(parseWrk(REPORT.replace('371.00us', text)).p50, seconds);
    for (const [text, bytes] of [['0.00B', 0], ['3.50KB', 3584], ['1.00GB', 2 ** 30], ['2.00TB', 2 ** 41]] as const) assert.equal(parseWrk(REPORT.replace('112.28MB', text)).bytes, bytes);
  });

  test('something else is refused with what it was', () => {
    assert.throws(() => parseWrk('unable to connect to 127.0.0.1:8080 Connection refused\n'), /unable to connect/u);
    assert.throws(() => parseWrk(REPORT.replace('371.00us', 'nan')), /nan/u);
  });
});
