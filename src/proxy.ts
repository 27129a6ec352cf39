/**
 * @module proxy
 * The composition root: from a configuration to the parts that work together. The only file that
 * names a concrete store or origin.
 */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Counters, type CounterStats } from './cache/counters.ts';
import { Engine } from './cache/engine.ts';
import type { ClientRequest } from './cache/exchange.ts';
import type { Outcome } from './cache/outcome.ts';
import type { Store, StoreStats } from './cache/ports.ts';
import type { Config } from './config.ts';
import { MillraceError } from './errors.ts';
import type { Fields } from './http/fields.ts';
import { Forwarding } from './http/forwarding.ts';
import { endToEnd } from './http/hop-by-hop.ts';
import { OriginClient } from './origin/client.ts';
import { EmbeddedHost } from './origin/embedded-host.ts';
import { type AddressRules, isLoopback } from './origin/address.ts';
import { FixedOrigin } from './origin/fixed-origin.ts';
import { HostRules } from './origin/host-rules.ts';
import type { Targets } from './origin/targets.ts';
import { Tunnel } from './origin/tunnel.ts';
import { MemoryStore } from './stores/memory.ts';

/** A request as a lane received it. */
export interface ReceivedMessage {
  readonly method: string;
  /** As it stands in the request line. */
  readonly requestTarget: string;
  /** All of them. */
  readonly fields: Fields;
  readonly httpVersion: string;
  readonly scheme: 'http' | 'https';
  readonly clientAddress: string;
  readonly body: Readable | undefined;
  readonly trailers?: () => Fields | undefined;
}

export type Admitted =
  | { readonly kind: 'request'; readonly request: ClientRequest; readonly rewrite: ((fields: Fields) => void) | undefined }
  | { readonly kind: 'redirect'; readonly location: string };

export interface ProxyStats extends CounterStats {
  readonly store: StoreStats;
}

/** The share of max-memory that prepared answers may take. */
const MEMO_SHARE = 1 / 8;

export class ProxyParts {
  readonly config: Config;
  readonly targets: Targets;
  readonly engine: Engine;
  readonly #counters: Counters;
  readonly tunnel: Tunnel;
  readonly #forwarding: Forwarding;
  readonly #origin: OriginClient;
  readonly #store: Store;
  readonly #listeners = new Set<(outcome: Outcome) => void>();
  /** The port clients connect to; undefined until it is known. */
  #port: number | undefined;

  /** @throws {MillraceError} ERR_CONFIG */
  constructor(config: Config) {
    this.config = config;
    if (config.port !== 0) this.#port = config.port;
    let addresses: AddressRules;
    if (config.origin !== undefined) {
      const fixed = new FixedOrigin(config.origin);
      this.targets = fixed;
      addresses = fixed;
    } else {
      const rules = new HostRules({ patterns: config.allowHost, anyByDefault: isLoopback(config.host) });
      this.targets = new EmbeddedHost({ rules, upstreamPort: config.upstreamPort, ownPort: () => this.#port });
      addresses = rules;
    }
    this.#forwarding = new Forwarding({ instance: `millrace-${randomBytes(8).toString('hex')}`, preserveHost: config.preserveHost, trustProxy: config.trustProxy });
    const reaching = { addresses, connectTimeout: config.connectTimeout, originTimeout: config.originTimeout };
    this.#origin = new OriginClient(reaching);
    this.tunnel = new Tunnel(reaching);
    this.#store = new MemoryStore({ maxBytes: config.maxMemory, maxObject: config.maxObject });
    this.engine = new Engine({
      store: this.#store,
      origin: this.#origin,
      settings: { cache: config.cache, ttl: config.ttl, defaultTtl: config.defaultTtl, staleIfUnreachable: config.staleIfError, letter: config.letter },
      sortQuery: config.sortQuery,
      keepTags: config.keepTags,
      memoBytes: config.fastLane ? Math.floor(config.maxMemory * MEMO_SHARE) : 0,
    });
    this.#counters = new Counters(Date.now());
    this.engine.onOutcome((outcome) => this.report(outcome));
  }

  get port(): number | undefined {
    return this.#port;
  }

  /** To be called once it is known: requests for this very port are loops. */
  listensOn(port: number): void {
    this.#port = port;
  }

  /** From a received message to what the engine takes. Throws ERR_BAD_TARGET, ERR_HOST_DENIED or ERR_LOOP. */
  admit(message: ReceivedMessage): Admitted {
    const { method, requestTarget } = message;
    const fields = endToEnd(message.fields);
    const resolution = this.targets.resolve({ method, requestTarget, fields });
    if (resolution.kind === 'redirect') return resolution;
    // Forwarded where there is a body to wait with: https://www.rfc-editor.org/rfc/rfc9110.html#section-10.1.1
    if (message.body === undefined) fields.delete('expect');
    const forwarded = this.#forwarding.forward({ ...message, fields }, resolution.target.authority, resolution.mode);
    const request: ClientRequest = {
      method,
      target: resolution.target,
      url: requestTarget,
      fields: forwarded.fields,
      forwardedAs: forwarded.forwardedAs,
      httpVersion: message.httpVersion,
      body: message.body,
      ...(message.trailers === undefined ? {} : { trailers: message.trailers }),
    };
    return { kind: 'request', request, rewrite: resolution.rewrite };
  }

  /** Where a CONNECT leads. Throws ERR_CONNECT_DENIED, and what admit() throws. */
  admitConnect(requestTarget: string): { readonly host: string; readonly port: number } {
    if (this.targets instanceof EmbeddedHost && this.config.allowConnect) return this.targets.resolveConnect(requestTarget);
    const remedy = this.config.origin === undefined ? 'To allow it, start the proxy with --allow-connect' : 'This proxy stands in front of one origin';
    throw new MillraceError('ERR_CONNECT_DENIED', `CONNECT to ${requestTarget} is refused. ${remedy}.`);
  }

  /** Calls the listener once for each finished request; returns what ends that. */
  onOutcome(listener: (outcome: Outcome) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Counts and tells an outcome; the engine's come here by themselves, a lane brings those of requests it answered alone. */
  report(outcome: Outcome): void {
    this.#counters.record(outcome);
    this.tell(outcome);
  }

  /** Somebody wants to be told outcomes. */
  get isObserved(): boolean {
    return this.#listeners.size > 0;
  }

  /** For a hit of the fast lane: counts it, but does not tell it. */
  countHit(status: number, bytes: number, error?: MillraceError): void {
    this.#counters.recordHit(status, bytes, error);
  }

  /** Tells an outcome that was counted. */
  tell(outcome: Outcome): void {
    for (const listener of this.#listeners) listener(outcome);
  }

  stats(): ProxyStats {
    return { ...this.#counters.stats(Date.now()), store: this.#store.stats() };
  }

  /** Ends what is being fetched for the cache, and gives up connections and memory. */
  async close(): Promise<void> {
    await this.engine.close();
    await this.#origin.close();
    await this.#store.close();
  }
}
