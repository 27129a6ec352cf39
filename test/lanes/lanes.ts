/**
 * @module test/lanes/lanes
 * Both lanes on a free port, put together here so that a test can reach into them.
 */
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Outcome } from '../../src/cache/outcome.ts';
import { type Options, resolveConfig } from '../../src/config.ts';
import { ProxyParts } from '../../src/proxy.ts';
import { Keeper } from '../../src/server/fast/keeper.ts';
import { FastLane } from '../../src/server/fast/lane.ts';
import { PlainHead } from '../../src/server/fast/plain-head.ts';
import { Http2Lane } from '../../src/server/http2.ts';
import { createNodeServer } from '../../src/server/node-server.ts';
import { KEEP_ALIVE_TIMEOUT } from '../../src/server/timeouts.ts';
import { NodeLane } from '../../src/server/node.ts';

export interface OpenLanes extends AsyncDisposable {
  readonly port: number;
  readonly proxy: ProxyParts;
  readonly fast: FastLane;
  readonly general: NodeLane;
  readonly http: HttpServer;
  readonly outcomes: readonly Outcome[];
}

/**
 * @param tune called before it listens
 * @param door which of the two takes the connections; the general lane needs no other
 */
export async function openLanes(options: Options, tune: (lanes: Omit<OpenLanes, 'port' | keyof AsyncDisposable>) => void = () => undefined, door: 'fast' | 'general' = 'fast'): Promise<OpenLanes> {
  const proxy = new ProxyParts(resolveConfig({ port: 0, ...options }));
  const memo = proxy.engine.memo!;
  const head = new PlainHead({ embedsHosts: false, trustsProxies: false });
  const keeper = new Keeper(memo, head, KEEP_ALIVE_TIMEOUT);
  const general = new NodeLane(proxy, { admin: undefined, onHit: (request, hit) => keeper.keep(request, hit) });
  const http = createNodeServer(general);
  const fast = new FastLane({ proxy, memo, general, http, http2: new Http2Lane(proxy, undefined, () => undefined), head, keeper });
  const outcomes: Outcome[] = [];
  proxy.onOutcome((outcome) => outcomes.push(outcome));
  const lanes = { proxy, fast, general, http, outcomes };
  tune(lanes);
  const server = door === 'fast' ? fast.server : http;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...lanes,
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      general.cut();
      fast.cut();
      await closed;
      await proxy.close();
    },
  };
}
