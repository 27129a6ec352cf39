/**
 * @module examples/library
 * Millrace in front of another server, on a Node server of your own:
 *
 *   node examples/library.ts http://localhost:3000
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
// In a program of your own: from 'millrace'.
import { createProxy } from '../src/index.ts';

const origin = process.argv[2];
if (origin === undefined) {
  console.error('Usage: node examples/library.ts http://HOST[:PORT]');
  process.exit(2);
}

const proxy = createProxy({ origin, defaultTtl: '1m' });

proxy.onOutcome(({ method, url, status, result, reasons }) => {
  console.log(`${result} ${status} ${method} ${url} ${reasons[0]?.code ?? ''}`);
});

const server = createServer(proxy.handler).on('upgrade', proxy.upgrade);
server.listen(Number(process.env.PORT ?? 8080), 'localhost');
await once(server, 'listening');
console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);

process.once('SIGINT', () => {
  server.close();
  void proxy.close();
  console.log(`Hit ratio: ${proxy.stats().hitRatio}`);
});
