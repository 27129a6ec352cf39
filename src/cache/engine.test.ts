import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../../test/kit/until.ts';
import { Fields } from '../http/fields.ts';
import { MemoryStore } from '../stores/memory.ts';
import { Backoff } from './backoff.ts';
import { Engine } from './engine.ts';
import type { Reply } from './exchange.ts';
import { Leases } from './leases.ts';
import { Permits } from './permits.ts';
import type { Origin, OriginBody, Store } from './ports.ts';
import { Stamps } from './stamps.ts';

const TARGET = { scheme: 'http', host: 'a', port: 80, authority: 'a', path: '/' } as const;
const SETTINGS = { cache: true, ttl: undefined, defaultTtl: 120, staleIfUnreachable: 0, letter: false };

/** Two workers' engines on one store; what the second looks up is told a while later. */
function workers(): { engines: [Engine, Engine]; asked: () => number; leases: Leases; looked: Promise<void>; tell: () => void } {
  const store = new MemoryStore({ maxBytes: 1e6, maxObject: 1e5 });
  const told = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  const slow = new Proxy<Store>(store, {
    get(_, name) {
      if (name !== 'get') return typeof store[name as keyof MemoryStore] === 'function' ? (store[name as keyof MemoryStore] as () => unknown).bind(store) : store[name as keyof MemoryStore];
      return async (key: string) => {
        const found = await store.get(key);
        looked.resolve();
        await told.promise;
        return found;
      };
    },
  });
  let asked = 0;
  const body: OriginBody = { pipe: (sink) => (sink.data(Buffer.from('page')), sink.end(undefined)), resume: () => undefined, giveBack: () => undefined, abort: () => undefined };
  const origin: Origin = { fetch: async () => (asked++, { status: 200, fields: new Fields(), httpVersion: '1.1', body }), close: async () => undefined };
  const stamps = new Stamps();
  const memory = { leases: Leases.memory(), permits: Permits.memory(1), backoff: Backoff.memory() };
  const engine = (behind: Store, worker: number): Engine =>
    new Engine({ store: behind, origin, settings: SETTINGS, sortQuery: true, keepTags: false, permits: new Permits(memory.permits, worker), backoff: new Backoff(memory.backoff, worker), staleWaitMs: 2000, shared: { stamps, leases: new Leases(memory.leases, worker) } });
  return { engines: [engine(store, 1), engine(slow, 2)], asked: () => asked, leases: new Leases(memory.leases, 3), looked: looked.promise, tell: told.resolve };
}

async function get(engine: Engine): Promise<string> {
  let sent = '';
  const reply: Reply = {
    headSent: false, closed: false, bytesWritten: 0, informational: () => undefined, head: (status) => void (sent += `${status} `), write: (chunk) => ((sent += chunk.toString()), true),
    onDrain: () => undefined, end: () => undefined, abort: () => undefined, onClose: () => undefined,
  };
  await engine.handle({ method: 'GET', target: TARGET, url: '/', fields: new Fields(), forwardedAs: '', httpVersion: '1.1', body: undefined }, reply, { clientAddress: '', startedAt: 0 });
  return sent;
}

describe('what another worker stores', () => {
  test('after it was looked for here, and before this one would ask for it, is not asked for again', async () => {
    const { engines: [first, second], asked, leases, looked, tell } = workers();
    const late = get(second);
    await looked;
    assert.equal(await get(first), '200 page');
    await until('the lease of the first has ended', () => leases.ended > 0);
    tell();
    assert.equal(await late, '200 page');
    assert.equal(asked(), 1);
  });
});
