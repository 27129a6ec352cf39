/**
 * @module proxy
 * The composition root: from a configuration to the parts that work together. Only this file and
 * those in proxy/ name a concrete store or origin.
 */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Collections } from './cache/collections.ts';
import { Counters, type Tally } from './cache/counters.ts';
import { Engine } from './cache/engine.ts';
import type { ClientRequest } from './cache/exchange.ts';
import { Backoff } from './cache/backoff.ts';
import { Leases } from './cache/leases.ts';
import { type AnsweredHit, outcomeOfHit } from './cache/answered-hit.ts';
import type { Outcome } from './cache/outcome.ts';
import type { Store } from './cache/ports.ts';
import type { StoreStats } from './cache/store-stats.ts';
import { Permits } from './cache/permits.ts';
import type { Purge } from './cache/purger.ts';
import type { Config } from './config.ts';
import { MillraceError } from './errors.ts';
import type { Fields } from './http/fields.ts';
import { Forwarding, type ProxyMode } from './http/forwarding.ts';
import { endToEnd } from './http/hop-by-hop.ts';
import { OriginClient } from './origin/client.ts';
import { EmbeddedHost } from './origin/embedded-host.ts';
import { type AddressRules, isLoopback } from './origin/address.ts';
import { FixedOrigin } from './origin/fixed-origin.ts';
import { HostRules } from './origin/host-rules.ts';
import { OwnPlaces, type Place } from './origin/own-places.ts';
import { belowMount, refererWithoutMount } from './origin/mount.ts';
import type { Resolution, TargetRequest, Targets } from './origin/targets.ts';
import { Tunnel } from './origin/tunnel.ts';
import { KnownHosts } from './proxy/known-hosts.ts';
import { originReach } from './proxy/origin-reach.ts';
import type { FleetLine, Tie } from './proxy/sharing.ts';
import { CommonStorage, type SharedStorage, openStorage } from './proxy/storage.ts';
import type { ProxyStats } from './proxy/stats.ts';
import type { PrefixPurge } from './stores/coherence.ts';
import type { SharedStore } from './stores/shared.ts';

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
  /** The path below which the program answers with this proxy, as in `/api`: taken off the request target, and not known to the origin. */
  readonly mountPath?: string | undefined;
}

export interface AdmittedRequest {
  readonly kind: 'request';
  readonly request: ClientRequest;
  readonly mode: ProxyMode;
  readonly rewrite: ((fields: Fields) => void) | undefined;
}

export type Admitted = AdmittedRequest | Exclude<Resolution, { readonly kind: 'target' }>;

/** Where outcomes are written down; of hits of the fast lane, without making an outcome of each. */
export interface OutcomeLog {
  write(outcome: Outcome): void;
  /** A hit that was given whole, in less time than the clock can tell. */
  writeHit(answer: AnsweredHit, startedAt: number, clientAddress: string): void;
}

/** What the workers of one proxy have in common, for each to be handed. */
export interface SharedMemory extends SharedStorage {
  /** What the proxy calls itself in Via and CDN-Loop. */
  readonly instance: string;
  /** What no client knows; see origin/host-cookies.ts. */
  readonly secret: string;
  /** See cache/permits.ts. */
  readonly permits: SharedArrayBuffer;
  /** See cache/backoff.ts. */
  readonly backoff: SharedArrayBuffer;
  /** See cache/collections.ts. */
  readonly collections: SharedArrayBuffer;
  /** See proxy/known-hosts.ts. */
  readonly hosts: SharedArrayBuffer;
}

/** One worker's part in a proxy of several. */
export interface Shared extends SharedMemory {
  /** From 1. */
  readonly worker: number;
  /** Tells the main thread what an operator should know. */
  notice(text: string): void;
  /** Of all workers. */
  stats(): Promise<ProxyStats>;
  /** On all workers. */
  purge(what: Purge): Promise<number | undefined>;
  readonly fleetLine: FleetLine;
}

/** What the workers of a proxy have in common, in the main thread. */
export class Common {
  readonly #storage: CommonStorage;
  readonly #own: Omit<SharedMemory, keyof SharedStorage>;

  /**
   * @param onPrefix told what other machines have purged
   * @throws {MillraceError} ERR_STORE
   */
  constructor(config: Config, onNotice: (text: string) => void, onPrefix: (purge: PrefixPurge) => Promise<void>) {
    this.#storage = new CommonStorage(config, onNotice, onPrefix);
    this.#own = { instance: instanceName(), secret: newSecret(), permits: Permits.memory(config.maxOriginConcurrency), backoff: Backoff.memory(), collections: Collections.memory(), hosts: KnownHosts.memory() };
  }

  get memory(): SharedMemory {
    return { ...this.#storage.shared, ...this.#own };
  }

  /** Where other machines have a part in what is stored. */
  get tie(): Tie | undefined {
    return this.#storage.tie;
  }

  /** What each of them gets of the configuration. */
  get config(): Config {
    return this.#storage.config;
  }

  /** A worker has ended, which had that id as a thread. */
  async threadEnded(thread: number): Promise<void> {
    await this.#storage.threadEnded(thread);
  }

  /** At once, when the process ends otherwise than by close(). */
  remove(): void {
    this.#storage.remove();
  }

  async close(): Promise<void> {
    await this.#storage.close();
  }
}

/** The share of max-memory that prepared answers may take. */
const MEMO_SHARE = 1 / 8;

export class ProxyParts {
  readonly config: Config;
  readonly targets: Targets;
  /** The same, where it is one origin. */
  readonly #fixed: FixedOrigin | undefined;
  readonly engine: Engine;
  /** By which clients have asked for it. */
  readonly hosts: KnownHosts;
  readonly #counters: Counters;
  readonly tunnel: Tunnel;
  readonly #forwarding: Forwarding;
  readonly #origin: OriginClient;
  readonly #store: Store;
  readonly #listeners = new Set<(outcome: Outcome) => void>();
  #log: OutcomeLog | undefined;
  /** The port clients connect to; undefined until it is known. */
  #port: number | undefined;
  /** Requests for them are loops. */
  readonly #own = new OwnPlaces();

  readonly #shared: Shared | undefined;
  /** Where other machines have a part in the store. */
  readonly #sharedStore: SharedStore | undefined;
  /** Where, moreover, this is the only thread. */
  readonly #tie: Tie | undefined;

  /**
   * @param shared what it has in common with the other workers of a proxy
   * @param onNotice told what an operator should know
   * @throws {MillraceError} ERR_CONFIG, ERR_STORE, ERR_CERTIFICATE
   */
  constructor(config: Config, shared?: Shared, onNotice: (text: string) => void = () => undefined) {
    this.config = config;
    this.#shared = shared;
    if (config.port !== 0) {
      this.#port = config.port;
      this.#own.add({ address: config.host, port: config.port });
    }
    let addresses: AddressRules;
    let { preserveHost } = config;
    if (config.origin !== undefined) {
      const fixed = new FixedOrigin(config.origin);
      this.#fixed = fixed;
      this.targets = fixed;
      addresses = fixed;
      preserveHost ??= fixed.isOwnApplication;
    } else {
      const rules = new HostRules({ patterns: config.allowHost, anyByDefault: isLoopback(config.host), own: this.#own });
      this.targets = new EmbeddedHost({ rules, upstreamPort: config.upstreamPort, secret: shared?.secret ?? newSecret() });
      addresses = rules;
    }
    this.#forwarding = new Forwarding({ instance: shared?.instance ?? instanceName(), preserveHost: preserveHost ?? false, trustProxy: config.trustProxy });
    const reach = originReach(config, addresses);
    this.#origin = new OriginClient(reach);
    this.tunnel = new Tunnel(reach);
    const { store, stamps, shared: sharedStore, tie } = openStorage(config, shared, onNotice, (purge) => this.purgedElsewhere(purge));
    this.#store = store;
    this.#sharedStore = sharedStore;
    this.#tie = tie;
    this.engine = new Engine({
      store,
      origin: this.#origin,
      settings: { cache: config.cache, ttl: config.ttl, defaultTtl: config.defaultTtl, staleIfUnreachable: config.staleIfError, letter: config.letter },
      sortQuery: config.sortQuery,
      keepTags: config.keepTags,
      ...(stamps === undefined ? {} : { shared: { stamps, leases: shared && new Leases(shared.leases, shared.worker) } }),
      backoff: new Backoff(shared?.backoff ?? Backoff.memory(), shared?.worker ?? 1),
      staleWaitMs: config.staleWait * 1000,
      permits: new Permits(shared?.permits ?? Permits.memory(config.maxOriginConcurrency), shared?.worker ?? 1),
      collections: shared?.collections,
      purgePrefix: (prefix) => this.purge({ prefix, soft: true }),
      maxUnreadBytes: config.maxUnread,
      maxRequests: Math.ceil(config.maxRequests / config.workers),
      memoBytes: config.fastLane ? Math.floor(config.maxMemory * MEMO_SHARE) : 0,
      onNotice,
    });
    this.hosts = new KnownHosts(shared?.hosts);
    this.#counters = new Counters(Date.now());
    this.engine.onOutcome((outcome) => this.report(outcome));
  }

  get port(): number | undefined {
    return this.#port;
  }

  /** How clients connect to it. */
  get scheme(): 'http' | 'https' {
    return this.config.tlsCert === undefined ? 'http' : 'https';
  }

  /** To be called once they are known: requests for these very places are loops. @param main where clients connect to it */
  listensOn(main: Place, ...others: readonly Place[]): void {
    this.#port = main.port;
    for (const place of [main, ...others]) this.#own.add(place);
  }

  /** From a message that a client sent to what the engine takes. Throws ERR_BAD_TARGET, ERR_HOST_DENIED, ERR_CROSS_SITE or ERR_LOOP. */
  admit(message: ReceivedMessage): Admitted {
    const admitted = this.wouldAdmit(message);
    if (admitted.kind === 'request' && admitted.mode !== 'forward') this.hosts.add(admitted.request.site?.host ?? message.fields.first('host'));
    return admitted;
  }

  /** As admit(), where no client has sent it. */
  wouldAdmit(message: ReceivedMessage): Admitted {
    const { method, requestTarget } = message;
    const fields = endToEnd(message.fields);
    const resolution = this.#resolve({ ...message, fields });
    if (resolution.kind !== 'target') return resolution;
    resolution.toOrigin?.(fields);
    // Forwarded where there is a body to wait with, and the client knows it: https://www.rfc-editor.org/rfc/rfc9110.html#section-10.1.1
    if (message.body === undefined || message.httpVersion === '1.0') fields.delete('expect');
    const forwarded = this.#forwarding.forward({ ...message, fields }, resolution.target.authority, resolution.mode);
    const fixed = this.#fixed;
    const site = forwarded.client && fixed?.site(forwarded.client, forwarded.fields.first('host')!, message.mountPath);
    if (site !== undefined && method !== 'GET' && method !== 'HEAD') fixed!.toOrigin(forwarded.fields, site);
    const request: ClientRequest = {
      method,
      target: resolution.target,
      url: requestTarget,
      fields: forwarded.fields,
      forwardedAs: forwarded.forwardedAs,
      site,
      httpVersion: message.httpVersion,
      body: message.body,
      ...(message.trailers === undefined ? {} : { trailers: message.trailers }),
    };
    return { kind: 'request', request, mode: resolution.mode, rewrite: this.#toClient(request, resolution.rewrite, message) };
  }

  /** Whether a path names a host that it may reach; with one origin, every path does. */
  serves(message: TargetRequest & Pick<ReceivedMessage, 'mountPath'>): boolean {
    if (this.config.origin !== undefined) return true;
    try {
      this.#resolve(message);
      return true;
    } catch (error) {
      return !(error instanceof MillraceError && (error.code === 'ERR_BAD_TARGET' || error.code === 'ERR_HOST_DENIED'));
    }
  }

  #resolve({ method, requestTarget, fields, mountPath }: TargetRequest & Pick<ReceivedMessage, 'mountPath'>): Resolution {
    if (!mountPath) return this.targets.resolve({ method, requestTarget, fields });
    const resolution = this.targets.resolve({ method, requestTarget, fields: refererWithoutMount(fields, mountPath) });
    if (resolution.kind === 'redirect' || resolution.kind === 'go') return { ...resolution, location: mountPath + resolution.location };
    return resolution.kind === 'ask' ? { ...resolution, link: mountPath + resolution.link } : resolution;
  }

  /**
   * As admit(), for a GET or HEAD from a client of which an earlier one with the very same fields was
   * admitted: what the origin is told by them is the same.
   */
  admitAgain(message: ReceivedMessage, earlier: AdmittedRequest): Admitted {
    const { method, requestTarget } = message;
    const resolution = this.targets.resolve(message);
    if (resolution.kind !== 'target') return resolution;
    const { target, mode, rewrite } = resolution;
    if (mode !== earlier.mode || target.authority !== earlier.request.target.authority || target.scheme !== earlier.request.target.scheme) return this.admit(message);
    const request: ClientRequest = { ...earlier.request, method, target, url: requestTarget };
    return { kind: 'request', request, mode, rewrite: this.#toClient(request, rewrite, message) };
  }

  /** What changes the fields of its responses. */
  #toClient(request: ClientRequest, rewrite: AdmittedRequest['rewrite'], { mountPath, fields }: ReceivedMessage): AdmittedRequest['rewrite'] {
    const fixed = this.#fixed;
    const { site } = request;
    const map = fixed && site ? (response: Fields): void => fixed.toClient(response, site, request) : rewrite;
    if (!mountPath) return map;
    const host = site?.host ?? fields.first('host');
    return (response) => {
      map?.(response);
      belowMount(response, mountPath, host);
    };
  }

  /** Where a CONNECT leads. Throws ERR_CONNECT_DENIED, and what admit() throws. */
  admitConnect(requestTarget: string): { readonly host: string; readonly port: number } {
    if (this.targets instanceof EmbeddedHost && this.config.allowConnect) return this.targets.resolveConnect(requestTarget);
    const forOperator = this.config.origin === undefined ? 'To allow it, start the proxy with --allow-connect.' : 'This proxy stands in front of one origin.';
    throw new MillraceError('ERR_CONNECT_DENIED', `CONNECT to ${requestTarget} is refused.`, { forOperator });
  }

  /** Calls the listener once for each finished request; returns what ends that. */
  onOutcome(listener: (outcome: Outcome) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes each finished request to the log from now on. */
  logTo(log: OutcomeLog): void {
    this.#log = log;
  }

  /** Counts and tells an outcome; the engine's come here by themselves, a lane brings those of requests it answered alone. */
  report(outcome: Outcome): void {
    this.#counters.record(outcome);
    this.tell(outcome);
  }

  /** Somebody wants to be told outcomes. */
  get isObserved(): boolean {
    return this.#log !== undefined || this.#listeners.size > 0;
  }

  /** For a hit of the fast lane: counts it, but does not tell it. */
  countHit(status: number, bytes: number, error?: MillraceError): void {
    this.#counters.recordHit(status, bytes, error);
  }

  /** Tells an outcome that was counted. */
  tell(outcome: Outcome): void {
    this.#log?.write(outcome);
    for (const listener of this.#listeners) listener(outcome);
  }

  /** Tells a hit that was counted, and given whole in less time than the clock can tell. */
  tellHit(answer: AnsweredHit, startedAt: number, clientAddress: string): void {
    this.#log?.writeHit(answer, startedAt, clientAddress);
    if (this.#listeners.size === 0) return;
    const outcome = outcomeOfHit(answer, { startedAt, duration: 0, bytes: answer.bodyLength, clientAddress, error: undefined });
    for (const listener of this.#listeners) listener(outcome);
  }

  countRefusedConnection(): void {
    this.#counters.recordRefusedConnection();
  }

  /** Of this thread alone, to be added to those of others. */
  tally(): { readonly tally: Tally; readonly store: StoreStats; readonly unreadBytes: number } {
    return { tally: this.#counters.tally(), store: this.#store.stats(), unreadBytes: this.engine.unreadBytes };
  }

  /** Of all workers. */
  async allStats(): Promise<ProxyStats> {
    return this.#shared?.stats() ?? this.stats();
  }

  /** On all workers; in force before it resolves. How many stored responses it removed; undefined where that is not known. */
  async purge(what: Purge): Promise<number | undefined> {
    if (this.#shared !== undefined) return this.#shared.purge(what);
    const count = await this.engine.purge(what);
    return this.#tie === undefined || (await this.#tie.tell(what)) ? count : undefined;
  }

  /** Of a prefix, by another machine or thread. */
  async purgedElsewhere({ prefix, soft, number, isOwn }: PrefixPurge): Promise<void> {
    this.#sharedStore?.forget(prefix, number);
    if (!isOwn) await this.engine.purgeOlder(prefix, soft, number);
  }

  /** Of this thread alone. */
  stats(): ProxyStats {
    return { ...this.#counters.stats(Date.now()), store: this.#store.stats(), unreadBytes: this.engine.unreadBytes };
  }

  /** Ends what is being fetched for the cache, and gives up connections and memory. */
  async close(): Promise<void> {
    await this.engine.close();
    await this.#origin.close();
    await this.#tie?.close();
    await this.#store.close();
  }
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Told to nobody else beforehand, so that only our own requests can have it. */
function instanceName(): string {
  return `millrace-${randomBytes(8).toString('hex')}`;
}
