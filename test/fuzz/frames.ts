/**
 * @module test/fuzz/frames
 * The bytes of an HTTP/2 connection behind its preface, while another connection is served.
 */
import assert from 'node:assert/strict';
import { Http2Client } from '../kit/http2-client.ts';
import { GET, SETTINGS, TYPE, block, frame, headers, openFrames } from '../kit/http2-frames.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';
import type { OpenTarget, Target } from './target.ts';
import { tolerantSite } from './tolerant-site.ts';

/** ms in which the other connection is served, whatever this one sends. */
const PATIENCE_MS = 5000;

export const frames: Target = {
  name: 'frames',
  seeds: [
    headers(1, GET),
    Buffer.concat([headers(1, [[':method', 'POST'], [':scheme', 'http'], [':path', '/form'], [':authority', 'localhost']], 4), frame(TYPE.data, 1, 1, 'body')]),
    Buffer.concat([frame(TYPE.headers, 1, 1, block(GET).subarray(0, 9)), frame(TYPE.continuation, 4, 1, block(GET).subarray(9))]),
    Buffer.concat([headers(1, GET), frame(TYPE.rstStream, 0, 1, Buffer.from([0, 0, 0, 8]))]),
    Buffer.concat([frame(TYPE.ping, 0, 0, Buffer.alloc(8)), frame(TYPE.windowUpdate, 0, 0, Buffer.from([0, 0, 255, 255])), SETTINGS]),
    Buffer.concat([frame(TYPE.priority, 0, 1, Buffer.from([0, 0, 0, 0, 9])), frame(TYPE.goaway, 0, 0, Buffer.alloc(8)), frame(TYPE.pushPromise, 4, 1, Buffer.alloc(8))]),
  ],
  words: ['\0\0\0', '\0\0\x04', '\x01\x05', '\x09\x04', '\x82', '\x84', '\x86', '\xbe\xbe\xbe\xbe', '\x7f\xff\xff\xff', '\x04:path\x01/', '\x07:method\x04HEAD', '\x0econtent-length\x019', '\x02te\x08trailers', '\x04host\x01a'],
  async open(): Promise<OpenTarget> {
    const origin = await startOrigin(tolerantSite);
    const proxy = await startMillrace({ origin: origin.url });
    const other = await Http2Client.connect(proxy.url);
    return {
      async run(input) {
        const connection = await openFrames(proxy.port);
        let received = Buffer.alloc(0);
        connection.socket.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
        await connection.send(input);
        const begun = performance.now();
        for (const path of ['/page', '/large']) assert.equal((await other.request(path)).status, 200);
        const took = performance.now() - begun;
        connection.reset();
        assert.ok(took < PATIENCE_MS, `the other connection waited ${Math.round(took)} ms`);
        // Types of the frames that came back.
        const types: number[] = [];
        for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) types.push(received[at + 3]!);
        return [...new Set(types)].join(' ');
      },
      async [Symbol.asyncDispose]() {
        await other[Symbol.asyncDispose]();
        await proxy.close();
        await origin.close();
      },
    };
  },
};
