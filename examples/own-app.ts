/**
 * @module examples/own-app
 * A program that puts a cache in front of itself, in the same process. What its handlers say in
 * Cache-Control is kept; what a change makes stale is purged before the change is confirmed.
 *
 *   node examples/own-app.ts
 */
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
// In a program of your own: from 'millrace'.
import { createProxy } from '../src/index.ts';

let price = 10;
let computed = 0;

const app = createServer((request, response) => void answer(request, response));

// On this machine alone and on a port nobody knows: clients reach the app only through the cache.
const proxy = createProxy({ origin: await listen(app, 0) });
const server = createServer(proxy.handler);
console.log(`Listening on ${await listen(server, Number(process.env.PORT ?? 8080))}`);

process.once('SIGINT', () => {
  server.close();
  app.close();
  void proxy.close();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'POST') {
    price++;
    // The cache drops /price by itself, because the POST goes there; /report it cannot know.
    await proxy.purge({ url: '/report' });
    response.writeHead(204).end();
    return;
  }
  computed++;
  response.setHeader('Cache-Control', 'max-age=3600');
  response.end(`${request.url}: the price is ${price}; computed ${computed} times.\n`);
}

async function listen(one: Server, port: number): Promise<string> {
  one.listen(port, '127.0.0.1');
  await once(one, 'listening');
  return `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
}
