/**
 * @module test/lanes/passing
 * Plain requests that no answer is prepared for, which the fast lane takes to the engine itself:
 * the client gets, and the origin is asked, what it would be by way of node:http, also where
 * something comes in between.
 */
import { describe, test } from 'node:test';
import { rawRequest, request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import type { TestProxy } from '../kit/proxy.ts';
import { LanePair, type Step } from './pair.ts';
import { passing } from './passing-site.ts';

const head = (method: string, path: string, ...lines: string[]): string => [`${method} ${path} HTTP/1.1`, 'Host: example.test', ...lines, '', ''].join('\r\n');
const get = (path: string, ...lines: string[]): string => head('GET', path, ...lines);

const open: Step = { run: ({ url }: TestProxy) => request(`${url}/open`) };
const one = (bytes: string, method: 'GET' | 'HEAD' = 'GET'): Step[] => [{ send: bytes }, { read: [method] }];
const again = one(get('/private'));

const CASES: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  ['what is not stored', [...again, ...again]],
  ['what is stored, and a hit, and what is not', [...one(get('/page')), ...one(get('/page')), ...again, ...one(get('/page')), ...again]],
  ['HEAD', [...one(head('HEAD', '/private'), 'HEAD'), ...one(head('HEAD', '/page'), 'HEAD'), ...one(head('HEAD', '/pieces'), 'HEAD'), ...again]],
  ['split at every byte', [{ send: [...get('/private')] }, { read: ['GET'] }, { send: [...get('/page')] }, { read: ['GET'] }, ...again]],
  ['a miss, a hit and a miss in one packet', [...one(get('/page')), ...one(get('/page')), { send: get('/private') + get('/page') + get('/other') }, { read: ['GET', 'GET', 'GET'] }, ...again]],
  ['many in one packet', [{ send: get('/private').repeat(40) }, { read: Array.from({ length: 40 }, () => 'GET' as const) }, ...again]],
  ['many in many packets', [{ send: Array.from({ length: 40 }, (_, i) => get(`/page?${i}`)) }, { read: Array.from({ length: 40 }, () => 'GET' as const) }, ...again]],
  ['a miss, and a hit behind it while it waits', [...one(get('/page')), ...one(get('/page')), { send: get('/wait') }, { send: get('/page') }, open, { read: ['GET', 'GET'] }, ...one(get('/page'))]],
  ['a miss, and a miss and a half behind it while it waits', [{ send: get('/wait') }, { send: get('/private') + get('/other').slice(0, 20) }, open, { read: ['GET', 'GET'] }, { send: get('/other').slice(20) }, { read: ['GET'] }, ...again]],
  ['a miss, and a large answer behind it while it waits', [{ send: get('/wait') }, { send: get('/large') }, open, { read: ['GET', 'GET'] }, ...again]],
  ['a miss, and a POST behind it while it waits', [{ send: get('/wait') }, { send: `${head('POST', '/form', 'Content-Length: 3')}a=` }, open, { send: 'b' }, { read: ['GET', 'GET'] }, ...again]],
  ['a miss, and the administration behind it while it waits', [{ send: get('/wait') }, { send: get('/health').replace('example.test', 'localhost') }, open, { read: ['GET', 'GET'] }, ...again]],
  ['a miss, and Connection: close behind it while it waits', [{ send: get('/wait') }, { send: get('/private', 'Connection: close') }, { send: get('/private') }, open, { readAll: true }]],
  ['a miss, and no request behind it while it waits', [{ send: get('/wait') }, { send: 'no request\r\n\r\n' }, open, { readAll: true }]],
  ['a miss, and a refused request behind it while it waits', [{ send: get('/wait') }, { send: get('/private', 'Host: twice.test') }, open, { readAll: true }]],
  ['half of an answer, and no request behind it', [{ send: get('/half') }, { run: async ({ port }) => rawRequest(port, get('/private')) }, { send: 'no request\r\n\r\n' }, open, { readAll: true }]],
  ['a miss, and a tunnel behind it while it waits', [{ send: get('/wait') }, { send: get('/private', 'Connection: Upgrade', 'Upgrade: websocket') }, { readAll: true }, open]],
  ['a client that ends its side while it waits', [{ send: get('/wait') }, { end: true }, open, { readAll: true }]],
  ['a client that ends its side in the middle of a head, while it waits', [{ send: get('/wait') }, { send: get('/private').slice(0, 20) }, { end: true }, open, { readAll: true }]],
  ['the administration', [...one(get('/health').replace('example.test', 'localhost')), ...again]],
  ['after node:http', [{ send: get('/private', 'Connection: x-a') }, { read: ['GET'] }, { send: get('/wait') }, { send: get('/page') }, open, { read: ['GET', 'GET'] }, ...again]],
  ['a client that ends its side while it waits, after node:http', [{ send: get('/private', 'Connection: x-a') }, { read: ['GET'] }, { send: get('/wait') }, { end: true }, open, { readAll: true }]],
  ['pieces and trailers', [...one(get('/pieces')), ...again]],
  ['no pieces', [...one(get('/no-pieces')), ...again]],
  ['what comes without a length and is stored', [...one(get('/chunked')), ...one(get('/chunked')), ...one(get('/chunked'))]],
  ['early hints', [...one(get('/hints')), ...again]],
  ['an origin that breaks off', [{ send: get('/breaks') }, { readAll: true }]],
  ['an origin that breaks off between pieces', [{ send: get('/breaks-in-pieces') }, { readAll: true }]],
  ['an origin that gives no answer', [...one(get('/fails')), ...one(get('/fails', 'Accept: application/json')), ...again]],
  ['an error of the origin', [...one(get('/error')), ...again]],
  ['an answer without Date', [...one(get('/no-date'))]],
  ['304 of the origin', [...one(get('/unchanged', 'If-None-Match: "1"')), ...again]],
  ['204', [...one(get('/nothing-stored')), ...one(get('/nothing')), ...one(get('/nothing'))]],
  ['a status nobody knows', [...one(get('/odd-status')), ...again]],
  ['lines in every case, twice, and with odd bytes', [...one(get('/odd')), ...one('GET /private HTTP/1.1\r\nhOsT:  example.test\t\r\nx-A:\r\nX-a: b \t\r\nX-High: caf\xe9\r\n_x_: a\tb\r\nCookie: a=b\r\nCookie: c\r\n\r\n'), ...again]],
  ['conditions and ranges', [...one(get('/page', 'If-None-Match: "1"')), ...one(get('/page', 'Range: bytes=0-3')), ...one(get('/page', 'If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT')), ...one(get('/private', 'Range: bytes=0-1')), ...again]],
  ['a proxy on the way, and a loop', [...one(get('/private', 'Via: 1.1 a', 'CDN-Loop: b')), ...one(get('/private', `Via: ${Array.from({ length: 12 }, () => '1.1 millrace').join(', ')}`)), ...again]],
  ['Hosts good and bad', [...one(get('/private').replace('example.test', 'other.test:80')), ...one(get('/private').replace('example.test', '[::1]')), ...one(get('/private').replace('example.test', '')), { send: get('/private').replace('example.test', 'a b') }, { readAll: true }]],
  ['what is stale, and validated', [...one(get('/stale')), ...one(get('/stale')), ...again]],
  ['a long body', [...one(get('/long')), ...again]],
  ['a long body that is stored', [...one(get('/large')), ...one(get('/large')), ...again]],
];

describe('the same bytes for what passes', () => {
  for (const [name, steps] of CASES) {
    test(name, async () => {
      await using pair = await LanePair.start(passing, { shutdownTimeout: 0 });
      await pair.same(steps);
    });
  }

  test('embedded hosts', async () => {
    await using origin = await startOrigin(passing);
    await using pair = await LanePair.start(passing, { origin: undefined });
    const local = (path: string, ...lines: string[]): string => get(path, ...lines).replace('example.test', 'localhost');
    const host = `127.0.0.1:${origin.port}`;
    await pair.same([
      ...one(local(`/${host}/private`)), ...one(local(`/${host}/moved`)), ...one(local(`/${host}`)), ...one(local('/style.css', `Referer: http://localhost/${host}/page`)),
      ...one(local('/favicon.ico')), ...one(get(`/${host}/private`)), ...one(local(`/${host}/private`)),
    ]);
  });
});
