/** Name resolution that lies: what a name resolves to decides, not the name. */
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { MillraceError } from '../../src/errors.ts';
import { Connector } from '../../src/origin/connector.ts';
import { HostRules } from '../../src/origin/host-rules.ts';
import { startRawOrigin } from '../kit/origin.ts';
import type { RawOrigin } from '../kit/origin.ts';

const names: Record<string, string[]> = {
  'metadata.test': ['169.254.169.254'],
  'mixed.test': ['169.254.169.254', '127.0.0.1', '::ffff:169.254.169.254'],
  'unspecified.test': ['0.0.0.0', '::'],
};

const lookup = dns.lookup;
let server: RawOrigin;
/** How often each name was resolved. */
const resolved: string[] = [];

before(async () => {
  server = await startRawOrigin(() => {});
  const fake = (host: string, _: unknown, callback: (error: Error | null, addresses: dns.LookupAddress[]) => void): void => {
    resolved.push(host);
    callback(null, names[host]!.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
  };
  dns.lookup = fake as unknown as typeof dns.lookup;
  syncBuiltinESMExports();
});

after(async () => {
  dns.lookup = lookup;
  syncBuiltinESMExports();
  await server.close();
});

function connect(host: string, patterns: string[] = []): Promise<Socket> {
  const connector = new Connector({ addresses: new HostRules({ patterns, anyByDefault: true }), connectTimeout: 1 });
  return new Promise((resolve, reject) => connector.connect({ scheme: 'http', host, port: server.port }, (error, socket) => (error === null ? resolve(socket) : reject(error))));
}

const denied = (error: unknown): boolean => error instanceof MillraceError && error.code === 'ERR_ADDRESS_DENIED' && /169\.254\.169\.254|::/.test(error.message);

test('a name that resolves to a refused address is refused', async () => {
  await assert.rejects(connect('metadata.test'), denied);
  await assert.rejects(connect('unspecified.test'), denied);
});

test('of several addresses only allowed ones are connected to, by the one resolution that was checked', async () => {
  resolved.length = 0;
  const socket = await connect('mixed.test');
  assert.equal(socket.remoteAddress, '127.0.0.1');
  // Undefined where only one address was left to try.
  assert.deepEqual((socket.autoSelectFamilyAttemptedAddresses ?? []).filter((address) => address.includes('169.254')), []);
  assert.deepEqual(resolved, ['mixed.test']);
  socket.destroy();
});

test('a host that is named exactly may be at a refused address', async () => {
  // 0.0.0.0 leads to this machine, which is why it is refused.
  const socket = await connect('unspecified.test', ['unspecified.test']);
  socket.destroy();
  await assert.rejects(connect('unspecified.test', ['*.test']), denied);
});
