/**
 * @module test/shared/fleet
 * Proxies, each a process of its own, in front of one origin, that share a store; and what one asks
 * of them.
 */
import type { StoreStats } from '../../src/cache/store-stats.ts';
import type { ProxyStats } from '../../src/proxy/stats.ts';
import { Home, type Running } from '../cli/command.ts';
import { administer } from '../kit/administer.ts';
import { type ClientResponse, request } from '../kit/client.ts';
import type { OriginHandler } from '../kit/origin.ts';
import type { RedisServer } from '../kit/redis-server.ts';
import type { Scope } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';

/** The host that clients of all of them ask for. */
const HOST = 'shop.example';

export class Node {
  readonly running: Running;

  constructor(running: Running) {
    this.running = running;
  }

  static async start(t: Scope, origin: string, ...args: string[]): Promise<Node> {
    return new Node(await new Home(t).start('--port', '0', '--origin', origin, '--log-format', 'off', ...args));
  }

  get(path: string, headers: Record<string, string> = {}): Promise<ClientResponse> {
    return request(this.running.url + path, { headers: { Host: HOST, ...headers } });
  }

  /** X-Cache of a GET. */
  async result(path: string, headers?: Record<string, string>): Promise<string> {
    return (await this.get(path, headers)).headers.get('x-cache') ?? '';
  }

  async stats(): Promise<ProxyStats> {
    return JSON.parse((await administer(this.running, '/__admin/stats')).body.toString()) as ProxyStats;
  }

  /** The answer of the administration. */
  async purge(what: object): Promise<{ purged: number | null }> {
    const response = await administer(this.running, '/__admin/purge', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(what) });
    if (response.status !== 200) throw new Error(response.body.toString());
    return JSON.parse(response.body.toString()) as { purged: number | null };
  }

  /** Of the store on other machines. */
  async peer(): Promise<StoreStats> {
    return (await this.stats()).store.tiers!.at(-1)!;
  }

  async untilThere(isThere = true): Promise<void> {
    await until(isThere ? 'the shared store is there' : 'the shared store is away', () => this.peer(), ({ peer }) => peer!.isThere === isThere);
  }
}

/** Three of them that have found their store. */
export async function startFleet(t: Scope, origin: string, argsOf: (index: number) => readonly string[]): Promise<[Node, Node, Node]> {
  const nodes = await Promise.all([0, 1, 2].map((index) => Node.start(t, origin, ...argsOf(index))));
  await Promise.all(nodes.map((node) => node.untilThere()));
  return nodes as [Node, Node, Node];
}

/** Every URL has tags, and what it was asked how often. */
export function pages(): { readonly handler: OriginHandler; readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const handler: OriginHandler = (incoming, response) => {
    const { url = '' } = incoming;
    const count = (counts.get(url) ?? 0) + 1;
    counts.set(url, count);
    response.setHeader('Cache-Control', 'max-age=600');
    response.setHeader('Cache-Tag', `pages, ${url.split('/')[1]}`);
    response.end(`${url} version ${count}`);
  };
  return { handler, counts };
}

/** Times that a machine under load is given to store something in time. */
const TRIES = 20;

/**
 * Asks the first for it, and when that has shared it the others: all have the same then.
 * @param isShared whether it lies in the store that they share
 */
export async function shareAmong([first, ...others]: readonly Node[], path: string, isShared: (path: string) => Promise<boolean>): Promise<void> {
  for (let i = 0; i < TRIES; i++) {
    // What the shared store did not take in time stays with the first.
    await first!.get(path, { 'Cache-Control': 'no-cache' });
    const end = performance.now() + 1000;
    while (!(await isShared(path)) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    const results = await Promise.all(others.map((node) => node.result(path)));
    if (results.every((result) => result === 'HIT')) return;
  }
  throw new Error(`${path} was never shared.`);
}

/** Whether that lies in Redis, under keys with that prefix. */
export function sharedIn(servers: readonly RedisServer[], prefix: string): (path: string) => Promise<boolean> {
  return async (path) => servers.some((server) => server.cli('--scan', '--pattern', `${prefix}h{*`).split('\n').some((line) => line.endsWith(path)));
}

/** Of a body that pages() gave. */
export function versionOf({ body }: ClientResponse): number {
  return Number(/version (\d+)$/u.exec(body.toString())![1]);
}
