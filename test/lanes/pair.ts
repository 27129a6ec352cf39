/**
 * @module test/lanes/pair
 * Two proxies that differ in the fast lane alone, each before an origin of its own: the same bytes
 * go to both, and what comes out must be the same, towards the client and towards the origin.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import type { Options } from '../../src/config.ts';
import type { ProxyStats } from '../../src/proxy/stats.ts';
import { administer } from '../kit/administer.ts';
import { openRaw, request } from '../kit/client.ts';
import { headEnd, messageLength } from '../kit/framing.ts';
import { type OriginHandler, type SeenRequest, type TestOrigin, startOrigin } from '../kit/origin.ts';
import { type TestProxy, startMillrace } from '../kit/proxy.ts';
import type { RawConnection } from '../kit/raw-connection.ts';

/** What a client does on one connection. */
export type Step =
  /** Sends bytes: each piece once the system has taken the one before. */
  | { readonly send: string | readonly string[] }
  /** Reads so many final responses; the requests they answer are told by the method alone. */
  | { readonly read: readonly ('GET' | 'HEAD')[] }
  /** Ends its side. */
  | { readonly end: true }
  /** Reads until the server has ended. */
  | { readonly readAll: true }
  /** Anything else, between two steps. */
  | { readonly run: (proxy: TestProxy, connection: RawConnection) => Promise<unknown> };

interface Side {
  readonly origin: TestOrigin;
  readonly proxy: TestProxy;
}

export class LanePair implements AsyncDisposable {
  readonly fast: Side;
  readonly general: Side;

  private constructor(fast: Side, general: Side) {
    this.fast = fast;
    this.general = general;
  }

  static async start(handler: OriginHandler, options: Options = {}): Promise<LanePair> {
    const side = async (fastLane: boolean): Promise<Side> => {
      const origin = await startOrigin(handler);
      return { origin, proxy: await startMillrace({ origin: origin.url, ...options, fastLane }) };
    };
    return new LanePair(await side(true), await side(false));
  }

  /** Answers the fast lane has given so far. */
  async fastAnswers(): Promise<number> {
    const response = await administer(this.fast.proxy, '/__admin/stats');
    return (JSON.parse(response.body.toString()) as ProxyStats).fastLane;
  }

  /** Goes the steps on a new connection of each side, and holds the results against each other; returns what the client got. */
  async same(steps: readonly Step[]): Promise<string> {
    const got = await Promise.all([this.fast, this.general].map((side) => walk(side, steps)));
    assert.equal(got[0], got[1]);
    assert.deepEqual(seen(this.fast.origin), seen(this.general.origin));
    return got[0]!;
  }

  /** Empties both caches, and forgets what was asked. */
  async forget(): Promise<void> {
    for (const { proxy, origin } of [this.fast, this.general]) {
      await administer(proxy, '/__admin/clear-cache', { method: 'POST' });
      (origin.requests as SeenRequest[]).length = 0;
    }
  }

  /** Sends the packets, each when everything before it has come to rest, ends, and holds what came back against each other; returns what that was. */
  async sameOnPackets(packets: readonly string[]): Promise<string> {
    const [fast, general] = await Promise.all([sendPackets(this.fast, packets), sendPackets(this.general, packets)]);
    assert.equal(fast.got, general.got);
    // Where the proxy closes while it still asks for later requests, how many of them reach the origin is chance.
    const asked = [this.fast, this.general].map(({ origin }) => (fast.closedFirst ? [...new Set(seen(origin))] : seen(origin)));
    assert.deepEqual(asked[0], asked[1]);
    return fast.got;
  }

  /** Goes the steps with the fast lane alone. */
  walkFast(steps: readonly Step[]): Promise<string> {
    return walk(this.fast, steps);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { proxy, origin } of [this.fast, this.general]) {
      await proxy.close();
      await origin.close();
    }
  }
}

async function walk({ proxy, origin }: Side, steps: readonly Step[]): Promise<string> {
  const connection = await openRaw(proxy.port);
  let got = '';
  for (const step of steps) {
    if ('send' in step) for (const piece of typeof step.send === 'string' ? [step.send] : step.send) await connection.send(piece);
    else if ('read' in step) for (const method of step.read) got += await readResponse(connection, method);
    else if ('end' in step) connection.end();
    else if ('readAll' in step) got += `${(await connection.readAll()).toString('latin1')}<end>`;
    else await step.run(proxy, connection);
  }
  connection.reset();
  return comparable(got, [proxy.port, origin.port]);
}

async function sendPackets({ proxy, origin }: Side, packets: readonly string[]): Promise<{ got: string; closedFirst: boolean }> {
  const connection = await openRaw(proxy.port);
  let closedFirst = false;
  void connection.closed.then(() => (closedFirst = true));
  for (const packet of packets) {
    await connection.send(packet);
    await rest({ proxy, origin }, connection);
  }
  const end = { closedFirst };
  connection.end();
  return { ...end, got: comparable((await connection.readAll()).toString('latin1'), [proxy.port, origin.port]) };
}

const PROBE = '/private?probe';
const agent = new Agent({ keepAlive: true });

/** Settles when nothing has come, neither here nor at the origin, while another request went all the way, twice. */
async function rest({ proxy, origin }: Side, connection: RawConnection): Promise<void> {
  const progress = (): string => `${connection.unread.length} ${origin.requests.filter(({ url }) => url !== PROBE).length}`;
  for (let calm = 0, last = ''; calm < 2; ) {
    const now = progress();
    calm = now === last ? calm + 1 : 0;
    last = now;
    await request(proxy.url + PROBE, { agent });
  }
}

/** As far as it comes: the end of the connection ends it too. */
async function readResponse(connection: RawConnection, method: 'GET' | 'HEAD'): Promise<string> {
  const bytes = await connection.read(method === 'HEAD' ? headEnd : messageLength).catch(() => connection.readAll());
  return bytes.toString('latin1');
}

/** Without what may differ: Date, Age and the time left, and the two sides' ports. */
function comparable(received: string, ports: readonly number[]): string {
  let text = received.replace(/^(date|age): .*$/gim, '$1: *').replace(/;ttl=-?\d+/g, ';ttl=*').replace(/boundary=[0-9a-f]+/g, 'boundary=*').replace(/^--[0-9a-f]{24}/gm, '--*');
  for (const port of ports) text = text.replaceAll(String(port), 'PORT');
  return text;
}

/** What the origin was asked, in whatever order, but for names that differ from one instance to another. */
function seen(origin: TestOrigin): string[] {
  const requests = origin.requests.filter(({ url }) => url !== PROBE).map(({ method, url, rawHeaders, body }) => ({
    method,
    url,
    body: body.toString('latin1'),
    fields: rawHeaders.filter((_, i) => !/^(?:host|cdn-loop|forwarded|x-forwarded-host)$/i.test(rawHeaders[i - (i % 2)]!)),
  }));
  return requests.map((one) => JSON.stringify(one)).sort();
}
