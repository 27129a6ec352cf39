/**
 * @module test/lanes/same-bytes
 * The two lanes give the same bytes, and ask the origin the same, whatever a client sends and
 * however it sends it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { administer } from '../kit/administer.ts';
import { rawRequest } from '../kit/client.ts';
import type { TestProxy } from '../kit/proxy.ts';
import { site } from './site.ts';
import { LanePair, type Step } from './pair.ts';

const get = (path: string, ...lines: string[]): string => head('GET', path, ...lines);
const head = (method: string, path: string, ...lines: string[]): string => [`${method} ${path} HTTP/1.1`, 'Host: example.test', ...lines, '', ''].join('\r\n');
const old = (path: string, ...lines: string[]): string => get(path, ...lines).replace(' HTTP/1.1', ' HTTP/1.0');
const bytewise = (text: string): string[] => [...text];
const twice = (path: string, ...lines: string[]): Step[] => [
  { send: get(path, ...lines) }, { read: ['GET'] },
  { send: get(path, ...lines) }, { read: ['GET'] },
];
/** The first hit, with which the next one is prepared. */
const warmed = { run: async () => undefined };
/** Makes the answers of both sides hits that are prepared: by one of the fast lane. */
const warm = (path: string, ...lines: string[]): Step[] => [...twice(path, ...lines), warmed];

/** Time for the server to write what it can: others are answered meanwhile. */
async function elsewhere(port: number): Promise<void> {
  for (let i = 0; i < 20; i++) await rawRequest(port, get('/page'));
}

interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Answers that come from the fast lane, besides the first hit of what is warm; 0: none may. */
  readonly fast: number;
}

const CASES: readonly Case[] = [
  { name: 'a hit', steps: [...warm('/page'), { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'several on one connection', steps: [...warm('/page'), ...Array.from({ length: 5 }, (): Step[] => [{ send: get('/page') }, { read: ['GET'] }]).flat()], fast: 5 },
  { name: 'HEAD', steps: [...warm('/page'), { send: head('HEAD', '/page') }, { read: ['HEAD'] }, { send: head('HEAD', '/page') + get('/page') }, { read: ['HEAD', 'GET'] }], fast: 2 },
  { name: 'three in one packet', steps: [...warm('/page'), { send: get('/page') + head('HEAD', '/page') + get('/page') }, { read: ['GET', 'HEAD', 'GET'] }], fast: 1 },
  { name: 'hits around a miss in one packet', steps: [...warm('/page'), { send: get('/page') + get('/other') + get('/page') }, { read: ['GET', 'GET', 'GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 2 },
  { name: 'two hundred in one packet', steps: [...warm('/page'), { send: Array.from({ length: 200 }, (_, i) => get(i % 7 === 3 ? `/other?${i}` : '/page')).join('') }, { read: Array.from({ length: 200 }, () => 'GET' as const) }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'split at every byte', steps: [...warm('/page'), { send: bytewise(get('/page')) }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'a POST split at every byte, then a hit', steps: [...warm('/page'), { send: bytewise(`${head('POST', '/form', 'Content-Length: 3')}a=b${get('/page')}`) }, { read: ['GET', 'GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'one and a half in a packet', steps: [...warm('/page'), { send: get('/page') + get('/page').slice(0, 20) }, { read: ['GET'] }, { send: get('/page').slice(20) }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'a large body', steps: [...warm('/large'), { send: get('/large') + get('/page') }, { read: ['GET', 'GET'] }, { send: get('/large') }, { read: ['GET'] }], fast: 2 },
  { name: 'an empty body', steps: [...warm('/empty'), { send: get('/empty') }, { read: ['GET'] }], fast: 1 },
  { name: 'a status without a body', steps: [...warm('/nothing'), { send: get('/nothing') }, { read: ['GET'] }], fast: 1 },
  { name: 'a redirect', steps: [...warm('/moved'), { send: get('/moved') }, { read: ['GET'] }], fast: 1 },
  { name: 'fields in every case, twice, and with odd bytes', steps: [...warm('/odd'), { send: get('/odd') }, { read: ['GET'] }], fast: 1 },
  { name: 'an Age from further up', steps: [...warm('/aged'), { send: get('/aged') }, { read: ['GET'] }], fast: 1 },
  { name: 'a Cache-Status from further up', steps: [...warm('/status'), { send: get('/status') }, { read: ['GET'] }], fast: 1 },
  { name: 'a chunked response with trailers', steps: [...warm('/chunked'), { send: get('/chunked') }, { read: ['GET'] }], fast: 1 },
  { name: 'names in any case', steps: [...warm('/page'), { send: 'GET /page HTTP/1.1\r\nhOsT:  example.test\t\r\naCCept:*/*\r\nconnection: Keep-Alive\r\n\r\n' }, { read: ['GET'] }], fast: 1 },
  { name: 'values in any case', steps: [...warm('/page'), { send: get('/page', 'CONNECTION: KEEP-ALIVE') }, { read: ['GET'] }, { send: get('/page', 'CoNNection: CLOSE') }, { readAll: true }], fast: 1 },
  { name: 'a Host in upper case', steps: [...warm('/page'), { send: 'GET /page HTTP/1.1\r\nHost: EXAMPLE.test\r\n\r\n' }, { read: ['GET'] }], fast: 1 },
  { name: 'a browser', steps: [...warm('/page'), { send: get('/page', 'Connection: keep-alive', 'Upgrade-Insecure-Requests: 1', 'User-Agent: Mozilla/5.0 (X11; Linux x86_64)', 'Accept: text/html,*/*;q=0.8', 'Sec-Fetch-Site: none', 'Accept-Encoding: gzip, deflate, br', 'Accept-Language: en;q=0.9') }, { read: ['GET'] }], fast: 1 },
  { name: 'another Host', steps: [...warm('/page'), { send: 'GET /page HTTP/1.1\r\nHost: other.test\r\n\r\n' }, { read: ['GET'] }], fast: 0 },
  { name: 'two Hosts', steps: [...warm('/page'), { send: get('/page', 'Host: example.test') }, { readAll: true }], fast: 0 },
  { name: 'no Host', steps: [...warm('/page'), { send: 'GET /page HTTP/1.1\r\n\r\n' }, { readAll: true }], fast: 0 },
  { name: 'an empty Host', steps: [...warm('/page'), { send: 'GET /page HTTP/1.1\r\nHost:\r\n\r\n' }, { read: ['GET'] }], fast: 0 },
  { name: 'fields twice that decide nothing', steps: [...warm('/page'), { send: get('/page', 'Accept: a/b', 'accept: c/d', 'User-Agent: a', 'User-Agent: b', 'Connection: keep-alive', 'Connection: keep-alive', 'X-A: 1', 'X-A: 1') }, { read: ['GET'] }], fast: 1 },
  { name: 'Connection twice, once close', steps: [...warm('/page'), { send: get('/page', 'Connection: keep-alive', 'Connection: close') }, { readAll: true }], fast: 0 },
  { name: 'cookies in two fields', steps: [...warm('/vary-cookie', 'Cookie: a=b'), { send: get('/vary-cookie', 'Cookie: a=b', 'Cookie: a=b') }, { read: ['GET'] }, ...twice('/vary-cookie', 'Cookie: a=b', 'Cookie: c=d')], fast: 0 },
  { name: 'Range twice', steps: [...warm('/page'), ...warm('/page', 'Range: bytes=0-1'), ...twice('/page', 'Range: bytes=0-1', 'Range: bytes=4-5')], fast: 1 },
  { name: 'Via twice', steps: [...warm('/page'), ...twice('/page', 'Via: 1.1 a', 'Via: 1.1 b')], fast: 0 },
  { name: 'Content-Length twice, alike', steps: [...warm('/page'), { send: `${get('/page', 'Content-Length: 2', 'Content-Length: 2')}ab` }, { readAll: true }], fast: 0 },
  { name: 'Content-Length and Transfer-Encoding', steps: [...warm('/page'), { send: `${get('/page', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n${get('/page')}` }, { readAll: true }], fast: 0 },
  { name: 'a body after a GET', steps: [...warm('/page'), { send: `${get('/page', 'Content-Length: 5')}hello${get('/page')}` }, { read: ['GET', 'GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'a body of no bytes after a GET', steps: [...warm('/page'), { send: get('/page', 'Content-Length: 0') }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'a chunked body after a GET', steps: [...warm('/page'), { send: `${get('/page', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n` }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'a body after a GET that looks like a request', steps: [...warm('/page'), { send: `${get('/page', `Content-Length: ${get('/private').length}`)}${get('/private')}${get('/page')}` }, { read: ['GET', 'GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'bytes after a GET that are no request', steps: [...warm('/page'), { send: `${get('/page')}hello\r\n\r\n` }, { readAll: true }], fast: 0 },
  { name: 'a POST, then a hit', steps: [...warm('/page'), { send: `${head('POST', '/form', 'Content-Length: 3')}a=b` }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'a POST whose body comes late', steps: [...warm('/page'), { send: head('POST', '/health', 'Content-Length: 60') }, { read: ['GET'] }, { send: get('/page') + get('/page').slice(0, 60 - get('/page').length) }, { send: get('/page') }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'Content-Length in two values', steps: [...warm('/page'), { send: get('/page', 'Content-Length: 1', 'Content-Length: 2') }, { readAll: true }], fast: 0 },
  { name: 'obsolete line folding', steps: [...warm('/page'), { send: get('/page', 'X-A: b', '  c') }, { readAll: true }], fast: 0 },
  { name: 'a space before the colon', steps: [...warm('/page'), { send: get('/page', 'X-A : b') }, { readAll: true }], fast: 0 },
  { name: 'bare line feeds', steps: [...warm('/page'), { send: get('/page').replaceAll('\r', '') }, { readAll: true }], fast: 0 },
  { name: 'a line feed in a value', steps: [...warm('/page'), { send: get('/page', 'X-A: b\nContent-Length: 5') }, { readAll: true }], fast: 0 },
  { name: 'a control character in a value', steps: [...warm('/page'), { send: get('/page', 'X-A: b\0') }, { readAll: true }], fast: 0 },
  { name: 'no name', steps: [...warm('/page'), { send: get('/page', ': b') }, { readAll: true }], fast: 0 },
  { name: 'empty lines before', steps: [...warm('/page'), { send: `\r\n\r\n${get('/page')}` }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'empty lines behind', steps: [...warm('/page'), { send: `${get('/page')}\r\n\r\n` }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'two spaces in the request line', steps: [...warm('/page'), { send: get('/page').replace(' /page', '  /page') }, { read: ['GET'] }], fast: 0 },
  { name: 'absolute-form', steps: [...warm('/page'), { send: get('http://example.test/page') }, { read: ['GET'] }], fast: 0 },
  { name: 'absolute-form with another host than Host', steps: [...warm('/page'), { send: get('http://other.test/page') + head('HEAD', 'HTTP://example.test/page') }, { read: ['GET', 'HEAD'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'absolute-form without a path, of https, with a user', steps: [...warm('/page'), { send: get('http://example.test') }, { read: ['GET'] }, { send: get('https://example.test/page') }, { read: ['GET'] }, { send: get('http://user@example.test/page') }, { readAll: true }], fast: 0 },
  { name: 'OPTIONS *', steps: [...warm('/page'), { send: head('OPTIONS', '*', 'Max-Forwards: 0') }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 1 },
  { name: 'HTTP/1.0', steps: [...warm('/page'), { send: old('/page') }, { readAll: true }], fast: 1 },
  { name: 'HTTP/1.0 that stays', steps: [...warm('/page'), ...Array.from({ length: 3 }, (): Step[] => [{ send: old('/page', 'Connection: Keep-Alive') }, { read: ['GET'] }]).flat(), { send: get('/page') }, { read: ['GET'] }, { send: old('/page') }, { readAll: true }], fast: 5 },
  { name: 'HTTP/1.0 that says close', steps: [...warm('/page'), { send: old('/page', 'Connection: close') }, { readAll: true }], fast: 1 },
  { name: 'HTTP/1.0 with another word in Connection', steps: [...warm('/page'), { send: old('/page', 'Connection: keep-alive, X-A') }, { read: ['GET'] }], fast: 0 },
  { name: 'HEAD in HTTP/1.0', steps: [...warm('/page'), { send: old('/page', 'Connection: keep-alive').replace('GET', 'HEAD') }, { read: ['HEAD'] }, { send: old('/page').replace('GET', 'HEAD') }, { readAll: true }], fast: 2 },
  { name: 'a large body in HTTP/1.0', steps: [...warm('/large'), { send: old('/large', 'Connection: keep-alive') }, { read: ['GET'] }, { send: old('/large') }, { readAll: true }], fast: 2 },
  { name: 'a stored response that came in chunks, in HTTP/1.0', steps: [...warm('/chunked'), { send: old('/chunked', 'Connection: keep-alive') }, { read: ['GET'] }, { send: old('/chunked') }, { readAll: true }], fast: 2 },
  { name: 'one that comes in chunks, in HTTP/1.0: the end of the connection is its own', steps: [{ send: old('/chunked?miss', 'Connection: keep-alive') }, { readAll: true }], fast: 0 },
  { name: 'misses in HTTP/1.0', steps: [{ send: old('/private', 'Connection: keep-alive') }, { read: ['GET'] }, { send: old('/private') }, { readAll: true }], fast: 0 },
  { name: 'the first hit, in HTTP/1.0', steps: [{ send: get('/page') }, { read: ['GET'] }, { send: old('/page', 'Connection: keep-alive') }, { read: ['GET'] }, { send: old('/page', 'X: y') }, { readAll: true }], fast: 2 },
  { name: 'the first hit, on a connection that ends', steps: [{ send: get('/page') }, { read: ['GET'] }, { send: get('/page', 'Connection: close') }, { readAll: true }], fast: 1 },
  { name: 'an absolute URL in HTTP/1.0', steps: [...warm('/page'), { send: old('http://example.test/page', 'Connection: keep-alive') }, { readAll: true }], fast: 0 },
  { name: 'HTTP/1.0 without Host', steps: [...warm('/page'), { send: 'GET /page HTTP/1.0\r\n\r\n' }, { readAll: true }], fast: 0 },
  { name: 'HTTP/1.0 behind a hit in one packet', steps: [...warm('/page'), { send: `${get('/page')}GET /page HTTP/1.0\r\nHost: example.test\r\n\r\n` }, { readAll: true }], fast: 0 },
  { name: 'HTTP/0.9', steps: [...warm('/page'), { send: 'GET /page\r\n\r\n' }, { readAll: true }], fast: 0 },
  { name: 'HTTP/1.2 and 2.0', steps: [...warm('/page'), { send: get('/page').replace('HTTP/1.1', 'HTTP/1.2') }, { readAll: true }], fast: 0 },
  { name: 'a method in lower case', steps: [...warm('/page'), { send: get('/page', 'Connection: close').replace('GET', 'get') }, { readAll: true }], fast: 0 },
  { name: 'Connection: close', steps: [...warm('/page'), { send: get('/page', 'Connection: close') }, { readAll: true }], fast: 1 },
  { name: 'Connection: close behind a hit, a miss and a hit', steps: [...warm('/page'), { send: get('/page') }, { read: ['GET'] }, { send: get('/other') }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }, { send: get('/page', 'Connection: close') }, { readAll: true }], fast: 3 },
  { name: 'Connection: close to HEAD', steps: [...warm('/page'), { send: head('HEAD', '/page') }, { read: ['HEAD'] }, { send: head('HEAD', '/page', 'connection:Close') }, { readAll: true }], fast: 1 },
  { name: 'Connection: close to a large hit', steps: [...warm('/large'), { send: get('/large', 'Connection: close') }, { readAll: true }], fast: 1 },
  { name: 'Connection: close to an empty hit', steps: [...warm('/empty'), { send: get('/empty', 'Connection: close') }, { readAll: true }], fast: 1 },
  { name: 'Connection: close to 304, and to a range', steps: [...warm('/page', 'If-None-Match: "1"'), ...warm('/page', 'Range: bytes=2-5'), { send: get('/page', 'Range: bytes=2-5') }, { read: ['GET'] }, { send: get('/page', 'If-None-Match: "1"', 'Connection: close') }, { readAll: true }], fast: 2 },
  { name: 'Connection: close from a client that ends its side', steps: [...warm('/large'), { send: get('/large', 'Connection: close') }, { end: true }, { readAll: true }], fast: 1 },
  { name: 'Connection: close to a miss', steps: [{ send: get('/other', 'Connection: close') }, { readAll: true }], fast: 0 },
  { name: 'Connection: close to nothing else, ever', steps: [{ run: ({ port }) => rawRequest(port, get('/page', 'Connection: close')) }, { run: ({ port }) => rawRequest(port, get('/page', 'Connection: close')) }, { send: get('/page', 'Connection: close') }, { readAll: true }], fast: 1 },
  { name: 'Connection that names a field', steps: [...warm('/page'), { send: get('/page', 'Connection: X-A', 'X-A: b') }, { read: ['GET'] }], fast: 0 },
  { name: 'a hit, then Connection: close, in one packet', steps: [...warm('/page'), { send: get('/page') + get('/page', 'Connection: close') + get('/page') }, { readAll: true }], fast: 0 },
  { name: 'a client that has ended its side', steps: [...warm('/page'), { send: get('/page') }, { end: true }, { readAll: true }], fast: 1 },
  { name: 'a client that ends in the middle of a head', steps: [...warm('/page'), { send: get('/page').slice(0, -2) }, { end: true }, { readAll: true }], fast: 0 },
  { name: 'a client that ends behind a request for what is not there', steps: [...warm('/page'), { send: get('/page') + get('/other') }, { end: true }, { readAll: true }], fast: 1 },
  { name: 'a client that ends while a large hit is on its way', steps: [...warm('/large'), { send: get('/large') + get('/large') + get('/page') }, { end: true }, { readAll: true }], fast: 2 },
  { name: 'a client that ends with a body it owes', steps: [...warm('/page'), { send: `${head('POST', '/page', 'Content-Length: 5')}ab` }, { end: true }, { readAll: true }], fast: 0 },
  { name: 'a client that stops reading', steps: [...warm('/large'), ...warm('/page'), { run: async (_proxy, { socket }) => void socket.pause() }, { send: `${get('/large')}${get('/page')}`.repeat(20) }, { run: (proxy) => elsewhere(proxy.port) }, { send: get('/other') + get('/page') }, { run: (proxy) => elsewhere(proxy.port) }, { run: async (_proxy, { socket }) => void socket.resume() }, { read: Array.from({ length: 42 }, () => 'GET' as const) }, { send: get('/page') }, { read: ['GET'] }], fast: 41 },
  { name: 'a client that ends without a word', steps: [{ end: true }, { readAll: true }], fast: 0 },
  { name: 'cookies, where the response states its lifetime', steps: [...warm('/page', 'Cookie: a=b'), { send: get('/page', 'Cookie: c=d') }, { read: ['GET'] }], fast: 1 },
  { name: 'cookies, where it does not', steps: [...warm('/implicit'), { send: get('/implicit', 'Cookie: a=b') }, { read: ['GET'] }, { send: get('/implicit') }, { read: ['GET'] }], fast: 1 },
  { name: 'cookies that select', steps: [...warm('/vary-cookie', 'Cookie: a=b'), { send: get('/vary-cookie', 'Cookie: a=b') }, { read: ['GET'] }, { send: get('/vary-cookie', 'Cookie: c=d') }, { read: ['GET'] }], fast: 1 },
  { name: 'Authorization', steps: [...warm('/page'), { send: get('/page', 'Authorization: Basic YTpi') }, { read: ['GET'] }], fast: 0 },
  { name: 'Vary', steps: [...warm('/vary', 'Accept-Language: de'), ...warm('/vary', 'Accept-Language: en'), ...warm('/vary'), ...warm('/vary', 'Accept-Language: de'), ...warm('/vary', 'Accept-Language: en'), { send: get('/vary', 'Accept-Language: de') }, { read: ['GET'] }, { send: get('/vary', 'accept-language:  en ') }, { read: ['GET'] }, { send: get('/vary') }, { read: ['GET'] }], fast: 3 },
  { name: 'Vary on a field with two lines', steps: [...twice('/vary', 'Accept-Language: de', 'Accept-Language: en'), { send: get('/vary', 'Accept-Language: de', 'Accept-Language: en') }, { read: ['GET'] }], fast: 0 },
  { name: 'Vary on what a proxy adds', steps: [...twice('/vary-forwarded'), { send: get('/vary-forwarded') }, { read: ['GET'] }], fast: 0 },
  { name: 'Vary of a request', steps: [...warm('/page'), ...warm('/page', 'Vary: X-A', 'X-A: 1'), ...warm('/page', 'Vary: X-A', 'X-A: 2'), { send: get('/page', 'Vary: X-A', 'X-A: 1') }, { read: ['GET'] }, { send: get('/page', 'Vary: X-A', 'X-A: 2') }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }], fast: 3 },
  { name: 'Content-Encoding without Vary', steps: [...warm('/encoded', 'Accept-Encoding: gzip'), ...warm('/encoded'), ...warm('/encoded', 'Accept-Encoding: gzip;q=0'), { send: get('/encoded', 'Accept-Encoding: gzip') }, { read: ['GET'] }, { send: get('/encoded') }, { read: ['GET'] }], fast: 2 },
  { name: 'If-None-Match', steps: [...warm('/page'), ...warm('/page', 'If-None-Match: "1"'), { send: get('/page', 'If-None-Match: "1"') }, { read: ['GET'] }, { send: get('/page', 'If-None-Match: "2"') }, { read: ['GET'] }], fast: 2 },
  { name: 'If-None-Match twice', steps: [...warm('/page'), ...twice('/page', 'If-None-Match: "2"', 'If-None-Match: "1"')], fast: 0 },
  { name: 'If-Modified-Since', steps: [...warm('/page'), ...warm('/page', 'If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT')], fast: 1 },
  { name: 'If-Match', steps: [...warm('/page'), { send: get('/page', 'If-Match: "1"') }, { read: ['GET'] }], fast: 0 },
  { name: 'a range', steps: [...warm('/page'), ...warm('/page', 'Range: bytes=2-5'), { send: get('/page', 'Range: bytes=2-5') }, { read: ['GET'] }, { send: head('HEAD', '/page', 'Range: bytes=2-5') }, { read: ['HEAD'] }], fast: 2 },
  { name: 'a range of a large body', steps: [...warm('/large'), ...warm('/large', 'Range: bytes=100000-500000')], fast: 1 },
  { name: 'a range that is not there', steps: [...warm('/page'), ...warm('/page', 'Range: bytes=5000-')], fast: 1 },
  { name: 'several ranges', steps: [...warm('/page'), ...twice('/page', 'Range: bytes=0-1,4-5')], fast: 0 },
  { name: 'If-Range', steps: [...warm('/page'), ...warm('/page', 'Range: bytes=2-5', 'If-Range: "1"'), ...warm('/page', 'Range: bytes=2-5', 'If-Range: "2"')], fast: 2 },
  { name: 'a reload', steps: [...warm('/page'), { send: get('/page', 'Cache-Control: max-age=0') }, { read: ['GET'] }, { send: get('/page', 'Pragma: no-cache') }, { read: ['GET'] }, ...warm('/page')], fast: 1 },
  { name: 'only-if-cached', steps: [...warm('/page'), { send: get('/page', 'Cache-Control: only-if-cached') }, { read: ['GET'] }], fast: 0 },
  { name: 'a proxy on the way', steps: [...warm('/page'), ...warm('/page', 'Via: 1.1 a', 'CDN-Loop: b')], fast: 1 },
  { name: 'a loop', steps: [...warm('/page'), { send: get('/page', `Via: ${Array.from({ length: 12 }, () => '1.1 millrace').join(', ')}`) }, { read: ['GET'] }], fast: 0 },
  { name: 'forwarding fields nobody believes', steps: [...warm('/page'), { send: get('/page', 'X-Forwarded-Host: evil.test', 'X-Forwarded-For: 1.2.3.4', 'Forwarded: host=evil.test') }, { read: ['GET'] }], fast: 1 },
  { name: 'Expect', steps: [...warm('/page'), { send: get('/page', 'Expect: 100-continue') }, { read: ['GET'] }, { send: get('/page', 'Expect: other') }, { readAll: true }], fast: 0 },
  { name: 'TE and Upgrade', steps: [...warm('/page'), { send: get('/page', 'TE: trailers') }, { read: ['GET'] }, { send: get('/page', 'Connection: Upgrade', 'Upgrade: h2c') }, { read: ['GET'] }], fast: 0 },
  { name: 'a head that is too large', steps: [...warm('/page'), { send: get('/page', `X-A: ${'a'.repeat(40_000)}`) }, { readAll: true }], fast: 0 },
  { name: 'a head with more lines than the fast lane counts', steps: [...warm('/page'), { send: get('/page', ...Array.from({ length: 200 }, (_, i) => `X-${i}: a`)) }, { read: ['GET'] }], fast: 0 },
  { name: 'the administration', steps: [...warm('/page'), { send: get('/health').replace('example.test', 'localhost') }, { read: ['GET'] }, { send: get('/health').replace('example.test', 'localhost') }, { read: ['GET'] }], fast: 0 },
  { name: 'what is not stored', steps: [...twice('/private'), ...twice('/private')], fast: 0 },
  { name: 'what is stale', steps: [...twice('/stale'), ...twice('/stale')], fast: 0 },
  { name: 'a target with a query in another order', steps: [...warm('/page?b=1&a=2'), ...warm('/page?a=2&b=1')], fast: 1 },
  { name: 'a target with odd bytes', steps: [...warm('/p%41ge;x="<>\\^`{|}'), { send: get('/p%41ge;x="<>\\^`{|}') }, { read: ['GET'] }], fast: 1 },
  { name: 'a fragment in the target', steps: [...warm('/page'), { send: get('/page#a') }, { readAll: true }], fast: 0 },
];

describe('the same bytes with and without the fast lane', () => {
  for (const { name, steps, fast } of CASES) {
    test(name, async () => {
      await using pair = await LanePair.start(site);
      await pair.same(steps);
      const answers = await pair.fastAnswers();
      const first = steps.filter((step) => step === warmed).length;
      if (fast === 0) assert.equal(answers, first);
      else assert.ok(answers >= first + fast, `${answers} answers of the fast lane`);
    });
  }

  test('two packets, cut at every byte of three requests', async () => {
    await using pair = await LanePair.start(site);
    const three = get('/page') + head('HEAD', '/page', 'X-A: b') + get('/page', 'Cookie: a=b');
    const cuts = Array.from({ length: three.length - 1 }, (_, i) => [three.slice(0, i + 1), three.slice(i + 1)]);
    await pair.sameOnPackets([get('/page'), get('/page'), ...cuts.flat()]);
    assert.ok((await pair.fastAnswers()) > 0);
  });

  test('hits on many objects in one packet, of which none is hot', async () => {
    await using pair = await LanePair.start(site);
    const paths = Array.from({ length: 60 }, (_, i) => ['/page', '/odd', '/aged', '/status', '/chunked', '/empty'][i % 6]! + `?${i}`);
    const all = (...lines: string[]): Step[] => [{ send: paths.map((path) => get(path, ...lines)).join('') }, { read: paths.map(() => 'GET' as const) }];
    const purge = { run: (proxy: TestProxy) => administer(proxy, '/__admin/purge', { method: 'POST', body: '{"tag":"t"}' }) };
    await pair.same(paths.flatMap((path): Step[] => [{ send: get(path) }, { read: ['GET'] }]));
    await pair.same([...all(), ...all(), ...all('Cookie: a=b'), ...all(), ...all('Cookie: a=b')]);
    assert.equal(await pair.fastAnswers(), 5 * paths.length);
    const purged = await pair.same([purge, ...paths.flatMap((path): Step[] => [{ send: get(path) }, { read: ['GET'] }])]);
    assert.equal(purged.match(/X-Cache: MISS/g)?.length, 30);
  });

  test('hits for a client that reads late, each in the bytes of its own', async () => {
    await using pair = await LanePair.start((message, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=3600' }).end(message.url!.repeat(4000)));
    const paths = Array.from({ length: 8 }, (_, i) => `/${i}`);
    await pair.same(paths.flatMap((path): Step[] => [{ send: get(path) }, { read: ['GET'] }]));
    // More than the system takes: what it has not taken waits while others are answered.
    const rounds = Array.from({ length: 125 }, () => paths).flat();
    await pair.same([...Array.from({ length: 125 }, (): Step => ({ send: paths.map((path) => get(path)).join('') })), { run: ({ port }) => elsewhere(port) }, { read: rounds.map(() => 'GET' as const) }]);
    assert.ok((await pair.fastAnswers()) >= rounds.length);
  });

  test('a purge between two hits', async () => {
    await using pair = await LanePair.start(site);
    for (const body of ['{"url":"/page"}', '{"prefix":"/pa"}', '{"host":"example.test"}', '{"tag":"t"}', '{"all":true}']) {
      const purge = { run: (proxy: TestProxy) => administer(proxy, '/__admin/purge', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } }) };
      const got = await pair.same([...warm('/page'), { send: get('/page') }, { read: ['GET'] }, purge, { send: get('/page') }, { read: ['GET'] }]);
      assert.match(got, /X-Cache: MISS(?![^]*X-Cache)/, body);
    }
    assert.ok((await pair.fastAnswers()) >= 5);
  });

  test('a soft purge between two hits', async () => {
    await using pair = await LanePair.start(site);
    for (const what of ['"url":"/page"', '"prefix":"/pa"', '"host":"example.test"', '"tag":"t"', '"all":true']) {
      const purge = { run: (proxy: TestProxy) => administer(proxy, '/__admin/purge', { method: 'POST', body: `{${what},"soft":true}` }) };
      const got = await pair.same([...warm('/page'), { send: get('/page') }, { read: ['GET'] }, purge, { send: get('/page') }, { read: ['GET'] }]);
      assert.match(got, /X-Cache: STALE(?![^]*X-Cache)/, what);
      await pair.forget();
    }
    assert.ok((await pair.fastAnswers()) >= 5);
  });

  test('PURGE between two hits, on their connection', async () => {
    await using pair = await LanePair.start(site, { allowPurge: ['127.0.0.1'] });
    for (const [lines, then] of [[[], 'MISS'], [['xkey: t'], 'MISS'], [['Fastly-Soft-Purge: 1'], 'STALE']] as const) {
      const got = await pair.same([...warm('/page'), { send: get('/page') }, { read: ['GET'] }, { send: head('PURGE', '/page', ...lines) }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }]);
      assert.match(got, /"purged"/);
      assert.match(got, new RegExp(`X-Cache: ${then}(?![^]*X-Cache)`), lines.join());
      await pair.forget();
    }
    assert.ok((await pair.fastAnswers()) >= 3);
  });

  test('PURGE between two hits, in one packet', async () => {
    await using pair = await LanePair.start(site, { allowPurge: ['127.0.0.1'] });
    const got = await pair.same([...warm('/changes'), { send: get('/changes') + head('PURGE', '/changes') + get('/changes') }, { read: ['GET', 'GET', 'GET'] }]);
    // What is asked for behind a purge is not what it has purged.
    assert.match(got, /version 0[^]*"purged":1[^]*X-Cache: MISS[^]*version 1/);
  });

  test('an unsafe request between two hits', async () => {
    await using pair = await LanePair.start(site);
    const got = await pair.same([...warm('/page'), { send: get('/page') }, { read: ['GET'] }, { send: `${head('POST', '/page', 'Content-Length: 1')}a` }, { read: ['GET'] }, { send: get('/page') }, { read: ['GET'] }]);
    assert.match(got, /X-Cache: MISS(?![^]*X-Cache)/);
    assert.equal(await pair.fastAnswers(), 2);
  });

  test('eviction between two hits', async () => {
    await using pair = await LanePair.start(site, { maxMemory: '64KB', maxObject: '32KB' });
    const others = Array.from({ length: 12 }, (_, i): Step[] => [{ send: get(`/page?${'x'.repeat(3000)}${i}`) }, { read: ['GET'] }]).flat();
    await walkOnFast(pair, [...warm('/page'), { send: get('/page') }, { read: ['GET'] }, ...others, ...others, { send: get('/page') }, { read: ['GET'] }]);
  });

  test('a new representation between two hits', async () => {
    await using pair = await LanePair.start(site);
    const got = await pair.same([...warm('/changes'), { send: get('/changes') }, { read: ['GET'] }, { send: get('/changes', 'Cache-Control: no-cache') }, { read: ['GET'] }, ...warm('/changes'), { send: get('/changes') }, { read: ['GET'] }]);
    assert.match(got, /version 1$/);
  });

  test('a variant that comes between two hits', async () => {
    await using pair = await LanePair.start(site);
    await pair.same([...warm('/language', 'Accept-Language: de'), { send: get('/language', 'Accept-Language: de') }, { read: ['GET'] }, ...warm('/language', 'Accept-Language: de;q=0.9, en;q=0.1'), ...warm('/language', 'Accept-Language: de')]);
    assert.ok((await pair.fastAnswers()) >= 1);
  });
});

/** Eviction hangs on how much is kept beside: only that every answer is whole can be compared. */
async function walkOnFast(pair: LanePair, steps: readonly Step[]): Promise<void> {
  const before = await pair.fastAnswers();
  const got = await pair.walkFast(steps);
  assert.ok((await pair.fastAnswers()) > before);
  assert.doesNotMatch(got, /HTTP\/1\.1 5/);
}
