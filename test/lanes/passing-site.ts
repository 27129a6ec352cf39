/**
 * @module test/lanes/passing-site
 * An origin with what is not stored, in all the ways an answer may come, or not come.
 */
import type { OriginHandler } from '../kit/origin.ts';
import { site } from './site.ts';

const MB = 1024 * 1024;
/** More than the systems on the way hold. */
export const LARGE: Buffer = Buffer.alloc(16 * MB, 'A large body that is not stored. ');

/** Answers to /wait… are held back until the same origin is asked for /open. */
const waiting = new Map<number, (() => void)[]>();

export const passing: OriginHandler = async (message, response, context) => {
  const { localPort } = message.socket;
  const plain = { 'Cache-Control': 'no-store', 'Content-Type': 'text/plain' };
  const held = async (): Promise<void> => new Promise((resolve) => waiting.set(localPort!, [...(waiting.get(localPort!) ?? []), resolve]));
  switch (message.url!.split('?', 1)[0]) {
    case '/open':
      for (const open of waiting.get(localPort!) ?? []) open();
      waiting.delete(localPort!);
      return void response.writeHead(200, plain).end('open');
    case '/wait':
      await held();
      return void response.writeHead(200, plain).end('waited');
    case '/wait-stored':
      await held();
      return void response.writeHead(200, { 'Cache-Control': 'max-age=3600' }).end('waited');
    case '/half':
      response.writeHead(200, { ...plain, 'Content-Length': 8 }).write('half');
      await held();
      return void response.end('done');
    case '/events':
      response.writeHead(200, { ...plain, 'Content-Type': 'text/event-stream' }).flushHeaders();
      await held();
      return void response.end('data: 1\n\n');
    case '/pieces':
      response.writeHead(200, message.method === 'HEAD' ? plain : { ...plain, Trailer: 'X-Sum' });
      for (const piece of ['one ', 'two ', 'x'.repeat(3000)]) response.write(piece);
      if (message.method !== 'HEAD') response.addTrailers({ 'X-Sum': '3' });
      return void response.end('three');
    case '/no-pieces':
      return void response.writeHead(200, { ...plain, 'Transfer-Encoding': 'chunked' }).end();
    case '/hints':
      response.writeEarlyHints({ link: '</style.css>; rel=preload', 'x-more': 'a' });
      response.writeProcessing();
      return void response.writeHead(200, plain).end('hinted');
    case '/breaks':
      response.writeHead(200, { ...plain, 'Content-Length': 100 }).write('only this');
      return void setImmediate(() => message.socket.destroy());
    case '/breaks-in-pieces':
      response.writeHead(200, plain).write('only this');
      return void setImmediate(() => message.socket.destroy());
    case '/fails':
      return void message.socket.destroy();
    case '/error':
      return void response.writeHead(500, plain).end('an error');
    case '/no-date':
      response.sendDate = false;
      return void response.writeHead(200, plain).end('no date');
    case '/unchanged':
      return void response.writeHead(304, { 'Cache-Control': 'no-store', ETag: '"1"' }).end();
    case '/nothing-stored':
      return void response.writeHead(204, plain).end();
    case '/odd-status':
      return void response.writeHead(299, 'Odd', plain).end('odd');
    case '/whole':
      return void response.writeHead(200, { ...plain, 'Content-Length': LARGE.length }).end(LARGE);
    case '/long':
      return void response.writeHead(200, { ...plain, 'Content-Length': MB }).end(LARGE.subarray(0, MB));
    default:
      return site(message, response, context);
  }
};
