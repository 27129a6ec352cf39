/**
 * @module test/fuzz/requests
 * The bytes of requests, to a proxy with the fast lane and to one without: both answer the same and ask
 * the origin the same.
 */
import { LanePair } from '../lanes/pair.ts';
import { tolerantSite } from './tolerant-site.ts';
import type { OpenTarget, Target } from './target.ts';

const PLAIN = 'GET /page HTTP/1.1\r\nHost: example.test\r\n\r\n';

export const requests: Target = {
  name: 'requests',
  seeds: [
    PLAIN,
    PLAIN + PLAIN,
    'HEAD /page HTTP/1.1\r\nhost: example.test\r\nAccept: */*\r\n\r\n',
    'GET /vary HTTP/1.1\r\nHost: example.test\r\nAccept-Language: de\r\nConnection: keep-alive\r\n\r\n',
    'GET /page HTTP/1.0\r\nHost: example.test\r\nConnection: keep-alive\r\n\r\n',
    'POST /form HTTP/1.1\r\nHost: example.test\r\nContent-Length: 4\r\n\r\nbody',
    'POST /form HTTP/1.1\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
    'GET /page HTTP/1.1\r\nHost: example.test\r\nRange: bytes=0-3\r\nIf-None-Match: "1"\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: example.test\r\nMax-Forwards: 0\r\n\r\n',
    'VERSION-CONTROL /page HTTP/1.1\r\nHost: example.test\r\n\r\n',
    'GET http://example.test/page HTTP/1.1\r\nHost: example.test\r\n\r\n',
  ].map((text) => Buffer.from(text, 'latin1')),
  words: [
    '\r\n', '\r\n\r\n', '\n', '\r', ':', ' ', '\t', '\0', '\xff', 'GET ', 'HEAD ', 'POST ', 'CONNECT a:1 ', ' HTTP/1.1', ' HTTP/1.0', ' HTTP/2.0', 'Host: example.test\r\n', 'Host: a b\r\n', 'Content-Length: 4\r\n', 'Content-Length: 0\r\n',
    'Content-Length: 4, 4\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip\r\n', '0\r\n\r\n', '4\r\nbody\r\n', 'Connection: close\r\n', 'Connection: keep-alive, x\r\n', 'Expect: 100-continue\r\n', 'Upgrade: websocket\r\n', 'Cookie: a=b\r\n', 'Range: bytes=-1,5-\r\n',
    'Cache-Control: no-cache\r\n', 'X_Forwarded_For: a\r\n', 'Forwarded: for=a\r\n', 'TE: trailers\r\n', 'Trailer: x\r\n', '%2f', '%00', '/../', '#', '?', PLAIN,
  ],
  async open(): Promise<OpenTarget> {
    const pair = await LanePair.start(tolerantSite);
    return {
      async run(input) {
        await pair.forget();
        const text = input.toString('latin1');
        const middle = text.length >>> 1;
        const got = await pair.sameOnPackets([PLAIN, PLAIN, ...(text.length % 2 === 0 ? [text] : [text.slice(0, middle), text.slice(middle)])].filter((packet) => packet !== ''));
        return [...got.matchAll(/^HTTP\/1\.1 (\d+)/gmu)].map(([, status]) => status).join(' ');
      },
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  },
};
