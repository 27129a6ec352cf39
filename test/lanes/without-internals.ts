/**
 * @module test/lanes/without-internals
 * Loaded before a test (`node --import`), takes from Node's handles what the fast lane uses of them:
 * as if another version of Node had named it otherwise.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
// Handles of servers and of connections are of one class.
const { _handle: handle } = server as unknown as { _handle: object };
Object.defineProperty(Object.getPrototypeOf(handle), 'useUserBuffer', { value: undefined });
server.close();
await once(server, 'close');
