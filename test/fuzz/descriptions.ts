/**
 * @module test/fuzz/descriptions
 * Descriptions of stored responses that come, with a right checksum, from a shared store: a proxy serves
 * what it can make of them, or asks the origin, on every lane and again from its own memory.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { type Entry, encodeEntry } from '../../src/cache/entry.ts';
import { Fields } from '../../src/http/fields.ts';
import { encodeEnvelope } from '../../src/stores/envelope.ts';
import { rawRequest } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import { until } from '../kit/until.ts';
import type { OpenTarget, Target } from './target.ts';

/** ms in which a request is answered. */
const PATIENCE_MS = 5000;
const BODY = Buffer.from('body');

const now = Date.now();
const selection = { names: [], values: [], language: null, forwardedAs: 'http://a' };
const whole: Entry = {
  status: 200,
  fields: Fields.of({ 'Content-Type': 'text/html', ETag: '"a"', 'Cache-Control': 'max-age=31536000', Date: new Date(now).toUTCString(), 'Content-Length': '4' }),
  method: 'GET',
  requestTime: now,
  responseTime: now,
  privateInPlay: false,
  invalidated: false,
  range: undefined,
  selection,
  stamp: 7,
  tags: ['group'],
  parts: [],
  others: [],
};

/** An input is the description that the shared store has for every key. */
export const descriptions: Target = {
  name: 'descriptions',
  seeds: [
    whole,
    { ...whole, fields: Fields.of({ Vary: 'Accept', 'Cache-Control': 'max-age=31536000' }), selection: { ...selection, names: ['accept'], values: [null] }, others: [{ key: 'GET other', selection: { ...selection, names: ['accept'], values: ['a'] }, at: now }] },
    { ...whole, status: 206, range: { first: 0, last: 3, length: 9 }, parts: [{ first: 5, last: 8 }] },
    { ...whole, status: 404, fields: Fields.of({ 'Cache-Control': 'max-age=0, stale-while-revalidate=9999', 'Set-Cookie': 'a=b', Location: '/x', Link: '</a>; rel=preload' }) },
  ].map((entry) => Buffer.from(encodeEntry(entry))),
  words: ['\0', '\x01', '\x02', '\x7f', '\x80\x01', '\xff\xff\xff\x7f', '\x01\0\0\0\0\0\0\xf8\x7f', '\x01\0\0\0\0\0\0\xf0\x7f', '\r\n', '\x08:a', ': \n'],
  async open(): Promise<OpenTarget> {
    let description = Buffer.alloc(0);
    const shared = createServer((socket: Socket) => {
      let unread = '';
      socket.on('error', () => undefined).on('data', (data) => {
        unread += data.toString('latin1');
        for (let end = unread.indexOf('\r\n'); end !== -1; end = unread.indexOf('\r\n')) {
          const [command, key = '', size] = unread.slice(0, end).split(' ');
          const length = command === 'ms' ? Number(size) + 2 : 0;
          if (unread.length < end + 2 + length) return;
          unread = unread.slice(end + 2 + length);
          if (command === 'mn') socket.write('MN\r\n');
          else if (command === 'stats') socket.write('END\r\n');
          else if (command !== 'mg') socket.write('HD\r\n');
          else if (key.includes('journal')) socket.write('EN\r\n');
          else {
            const envelope = encodeEnvelope({ version: Buffer.alloc(8, key), generation: Buffer.alloc(8), number: 2 ** 30, length: BODY.length, meta: description, inline: BODY });
            socket.write(Buffer.concat([Buffer.from(`VA ${envelope.length} c1 t1000\r\n`), envelope, Buffer.from('\r\n')]));
          }
        }
      });
    }).listen(0, '127.0.0.1');
    await once(shared, 'listening');
    const origin = await startOrigin((_, response) => void response.writeHead(200, { 'Cache-Control': 'no-store', 'X-From': 'origin' }).end('from the origin'));
    const proxy = await startMillrace({ origin: origin.url, memcached: [`127.0.0.1:${(shared.address() as AddressInfo).port}`] });
    const http2 = await Http2Client.connect(proxy.url);
    let count = 0;
    const ask = async (path: string, fields: string): Promise<string> => {
      const got = (await rawRequest(proxy.port, `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`)).toString('latin1');
      // What broke off may have left nothing.
      if (got === '') return 'cut';
      const [, status, result] = /^HTTP\/1\.1 (\d{3}) [^]*?x-cache: (\w+)\r\n/i.exec(got) ?? [];
      assert.ok(status !== undefined, `the client got ${JSON.stringify(got.slice(0, 300))}`);
      return `${status} ${result}`;
    };
    description = Buffer.from(encodeEntry(whole));
    await until('the shared store is asked', async () => (await ask(`/${++count}`, '')) === '200 HIT');
    return {
      async run(input) {
        description = Buffer.from(input);
        const path = `/${++count}`;
        const begun = performance.now();
        const words = [await ask(path, ''), await ask(path, ''), await ask(path, ''), await ask(path, 'Range: bytes=0-1\r\n'), await ask(path, 'X-General: \xff\r\nIf-None-Match: "a"\r\nX_: a\r\n'), await ask(path, 'Cache-Control: no-cache\r\n')];
        words.push(await http2.request(path, { headers: { Host: 'a' } }).then(({ status }) => String(status), () => 'cut'));
        await proxy.finished(0);
        const took = performance.now() - begun;
        assert.ok(took < PATIENCE_MS, `it took ${Math.round(took)} ms`);
        assert.equal((await rawRequest(proxy.port, 'GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toString('latin1', 9, 12), '200');
        return words.join(', ');
      },
      async [Symbol.asyncDispose]() {
        await http2[Symbol.asyncDispose]();
        await proxy.close();
        await origin.close();
        shared.close();
      },
    };
  },
};
