/**
 * @module test/lanes/site
 * An origin with something of everything.
 */
import type { OriginHandler } from '../kit/origin.ts';

const KEPT = 'max-age=3600';
const LARGE = Buffer.alloc(700_000, 'Large body. ');

export const site: OriginHandler = async (message, response, { index, body }) => {
  const [path] = message.url!.split('?', 1);
  const fields = { 'Cache-Control': KEPT, ETag: '"1"', 'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT', 'Content-Type': 'text/plain', 'Cache-Tag': 't' };
  switch (path) {
    case '/large':
      return void response.writeHead(200, { ...fields, 'Content-Length': LARGE.length }).end(LARGE);
    case '/empty':
      return void response.writeHead(200, { ...fields, 'Content-Length': 0 }).end();
    case '/nothing':
      return void response.writeHead(204, fields).end();
    case '/moved':
      return void response.writeHead(301, { ...fields, Location: '/page' }).end('moved');
    case '/odd':
      return void response.writeHead(200, ['x-odd', 'a', 'X-ODD', 'b', 'X-Odd', '', 'Set-Cookie', 'a=b', 'cache-control', KEPT, 'X-Bytes', 'caf\xe9\t"', 'Content-Disposition', 'attachment; filename="\xe9"', 'Keep-Alive', 'timeout=5']).end('odd');
    case '/aged':
      return void response.writeHead(200, ['AGE', '100', 'Cache-Control', KEPT, 'X-Cache', 'HIT from elsewhere', 'X-A', 'b']).end('aged');
    case '/status':
      return void response.writeHead(200, ['Cache-Status', 'Other;hit;ttl=5', 'Cache-Control', KEPT, 'cache-status', 'Millrace;hit;ttl=3599']).end('status');
    case '/chunked':
      response.writeHead(200, message.method === 'HEAD' ? fields : { ...fields, Trailer: 'X-Sum' });
      response.write('one ');
      if (message.method !== 'HEAD') response.addTrailers({ 'X-Sum': '1' });
      return void response.end('two');
    case '/form':
      return void response.end(`form ${(await body()).toString()}`);
    case '/implicit':
      return void response.end('implicit');
    case '/vary':
      return void response.writeHead(200, { ...fields, Vary: 'Accept-Language' }).end(`for ${message.headers['accept-language']}`);
    case '/language':
      return void response.writeHead(200, { ...fields, Vary: 'Accept-Language', 'Content-Language': 'de' }).end(`for ${message.headers['accept-language']} ${index}`);
    case '/encoded':
      return void response.writeHead(200, { ...fields, 'Content-Encoding': 'gzip' }).end(`for ${message.headers['accept-encoding']}`);
    case '/vary-cookie':
      return void response.writeHead(200, { ...fields, Vary: 'Cookie' }).end(`for ${message.headers.cookie}`);
    case '/vary-forwarded':
      return void response.writeHead(200, { ...fields, Vary: 'X-Forwarded-For, X_Forwarded_Proto' }).end('forwarded');
    case '/private':
      return void response.writeHead(200, { 'Cache-Control': 'no-store' }).end('private');
    case '/stale':
      return void response.writeHead(200, { 'Cache-Control': 'max-age=1', Age: '10', ETag: '"s"' }).end('stale');
    case '/changes':
      return void response.writeHead(200, { 'Cache-Control': KEPT }).end(`version ${index}`);
    default:
      return void response.writeHead(200, fields).end(`${message.method} of ${path}`);
  }
};
