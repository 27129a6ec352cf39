/**
 * @module cache/engine
 * Carries out what policy decides, one short method a state:
 *
 *   look up → decide ─ hit, stale ──────────────→ serve what is stored
 *                    ├ stale-while-revalidate ──→ serve it, and refresh it in the background
 *                    ├ revalidate, miss ────────→ board a flight, or lead one → land → serve
 *                    ├ bypass ──────────────────→ pass through, and invalidate
 *                    └ unavailable ─────────────→ 504
 *
 * It makes no decision of its own: those are data from policy/.
 */
import { Readable } from 'node:stream';
import { MillraceError } from '../errors.ts';
import { completeResponse } from '../http/forwarding.ts';
import { freshnessLifetime } from '../policy/freshness.ts';
import { usefulFor } from '../policy/keep.ts';
import { type Decision, decide } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { TAG_FIELD_NAMES, invalidatedGroups } from '../policy/groups.ts';
import { alsoInvalidated, invalidates, membersInvalidated } from '../policy/invalidate.ts';
import type { Backoff } from './backoff.ts';
import { Cancel } from './cancel.ts';
import { Collections } from './collections.ts';
import { type ClientRequest, NOBODY, type Reply } from './exchange.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { type FetchPlan, Fetcher } from './fetcher.ts';
import { Flights } from './flights.ts';
import { Forwarder, nameOf } from './forwarder.ts';
import { cacheKey, urlOf } from './key.ts';
import type { Outcome } from './outcome.ts';
import type { Origin, OriginResponse, Store } from './ports.ts';
import type { Leases } from './leases.ts';
import { Members } from './members.ts';
import { Memo, type ServedHit, hasTickets } from './memo.ts';
import type { Permits } from './permits.ts';
import { type Purge, Purger } from './purger.ts';
import { Refresher } from './refresher.ts';
import { Serving, StoredBodyGone } from './serving.ts';
import { Stamps } from './stamps.ts';
import { type Context, Transaction } from './transaction.ts';
import { UnreadBytes } from './unread-bytes.ts';
import { type Located, type Lookup, NOTHING, Variants } from './variants.ts';
import { Verdicts } from './verdicts.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly origin: Origin;
  readonly settings: Settings;
  /** Query parameters in another order are the same key. */
  readonly sortQuery: boolean;
  /** Send the fields that tag responses for caches (Surrogate-Key, Cache-Tag, xkey) on to clients. */
  readonly keepTags: boolean;
  /** Where the store outlives this engine, or other workers have it too: stamps that do as well, and who fetches what among the workers. */
  readonly shared?: { readonly stamps: Stamps; readonly leases: Leases | undefined };
  /** For validations in the background. */
  readonly permits: Permits;
  /** What the workers know of origins that do not respond. */
  readonly backoff: Backoff;
  /** ms that a client waits for the origin where a stale response may be used. */
  readonly staleWaitMs: number;
  /** Which URLs have others below them; see collections.ts. Where other workers have it too: of all of them. */
  readonly collections?: SharedArrayBuffer | undefined;
  /** Marks all that begins so as stale, wherever there are parts of this cache; default: here alone. */
  readonly purgePrefix?: (prefix: string) => Promise<unknown>;
  /** Requests that may be under way at once; default: without end. */
  readonly maxRequests?: number;
  /** Bytes of responses that may wait for slow clients, besides what the store has; default: without end. */
  readonly maxUnreadBytes?: number;
  /** Bytes for answers prepared for the fast lane; 0: none. */
  readonly memoBytes?: number;
  /** Told what an operator should know. */
  readonly onNotice?: (text: string) => void;
  /** ms since the epoch; default: the system's clock. */
  readonly now?: () => number;
}

export class Engine {
  /** Undefined where none is wanted, or the store is not in memory. */
  readonly memo: Memo | undefined;
  readonly #store: Store;
  readonly #origin: Origin;
  readonly #settings: Settings;
  readonly #sortQuery: boolean;
  readonly #withheld: readonly string[];
  readonly #now: () => number;
  readonly #stamps: Stamps;
  readonly #leases: Leases | undefined;
  readonly #variants: Variants;
  readonly #backoff: Backoff;
  readonly #verdicts = new Verdicts();
  readonly #fetcher: Fetcher;
  readonly #purger: Purger;
  readonly #members: Members;
  readonly #flights: Flights;
  readonly #serving: Serving;
  readonly #unread: UnreadBytes;
  readonly #maxRequests: number;
  #requests = 0;
  readonly #forwarder: Forwarder;
  readonly #refresher: Refresher;
  #isCut = false;
  readonly #listeners = new Set<(outcome: Outcome) => void>();

  constructor({ store, origin, settings, sortQuery, keepTags, shared, permits, collections, purgePrefix, backoff, staleWaitMs, maxUnreadBytes = Infinity, maxRequests = Infinity, memoBytes = 0, onNotice = () => undefined, now = Date.now }: EngineOptions) {
    this.#store = store;
    this.#origin = origin;
    this.#settings = settings;
    this.#sortQuery = sortQuery;
    this.#withheld = keepTags ? [] : TAG_FIELD_NAMES;
    this.#now = now;
    this.#maxRequests = maxRequests;
    this.#stamps = shared?.stamps ?? new Stamps();
    this.#leases = shared?.leases;
    this.#backoff = backoff;
    const all = new Collections(collections);
    this.#variants = new Variants(store, this.#stamps, all, (entry) => usefulFor(entry, settings, now()));
    if (memoBytes > 0 && hasTickets(store)) this.memo = new Memo(store, this.#stamps, memoBytes + (store.lendable ?? 0), { lifetimeOf: (entry) => freshnessLifetime(entry, settings), withheld: this.#withheld });
    this.#fetcher = new Fetcher({ origin, store, variants: this.#variants, backoff, settings, now, onNotice });
    this.#flights = new Flights(this.#fetcher, this.#stamps);
    this.#unread = new UnreadBytes(maxUnreadBytes, now);
    this.#serving = new Serving(settings, this.#unread, now);
    this.#refresher = new Refresher({ flights: this.#flights, leases: this.#leases, permits, backoff, now, plan: (tx, located) => this.#plan(tx, located, true, true) });
    this.#forwarder = new Forwarder({
      flights: this.#flights,
      leases: this.#leases,
      stamps: this.#stamps,
      variants: this.#variants,
      verdicts: this.#verdicts,
      serving: this.#serving,
      refresher: this.#refresher,
      backoff,
      staleWaitMs,
      settings,
      now,
      plan: (tx, located, validate, whole) => this.#plan(tx, located, validate, whole),
      again: async (tx) => this.#answer(tx, await this.#lookUp(tx)),
    });
    this.#purger = new Purger({ store, stamps: this.#stamps, variants: this.#variants, verdicts: this.#verdicts, collections: all, underWay: () => this.#flights.keys, isShared: shared !== undefined });
    this.#members = new Members(all, () => this.#flights.keys, purgePrefix ?? ((prefix) => this.#purger.purge({ prefix, soft: true })));
  }

  /** Bytes of responses that clients have not taken, outside of the store. */
  get unreadBytes(): number {
    return this.#unread.bytes;
  }

  /** Answers the request. Never rejects: a failure becomes a reply; settles when the exchange is over. */
  async handle(request: ClientRequest, reply: Reply, context: Context): Promise<void> {
    const tx = new Transaction(cacheKey(request.target, this.#sortQuery), request, reply, context, this.#withheld);
    this.#requests++;
    try {
      if (this.#requests > this.#maxRequests) throw new MillraceError('ERR_OVERLOADED', `${this.#maxRequests} requests are under way, as many as --max-requests allows. Find out what they wait for, or raise the limit.`);
      if (request.method === 'QUERY') await tx.readContent(this.#sortQuery);
      await this.#answerWhileStored(tx);
    } catch (error) {
      tx.fail(MillraceError.from(error));
    } finally {
      this.#requests--;
    }
    if (this.#listeners.size === 0) return;
    // A client that leaves does not see the end of what is stored: what is known now counts.
    if (tx.storing !== undefined) tx.stored = await (tx.error === undefined ? tx.storing : Promise.race([tx.storing, Promise.resolve(false)]));
    if (tx.error?.code === 'ERR_CLIENT_GONE') tx.error = this.goneError;
    const outcome = tx.outcome(this.#now());
    for (const listener of this.#listeners) listener(outcome);
  }

  /** The time to finish is over: clients that lose their connection from now on did not close it. */
  cut(): void {
    this.#isCut = true;
  }

  /** Why a client does not get the rest of its response. */
  get goneError(): MillraceError {
    return this.#isCut
      ? new MillraceError('ERR_SHUTTING_DOWN', 'The proxy was stopped before the client had the whole response.')
      : new MillraceError('ERR_CLIENT_GONE', 'The client closed the connection before it had the whole response.');
  }

  /** The hit that handle() would serve, where memory alone has to be asked; nothing is sent, and nobody told. Undefined: it is handle()'s. */
  hitNow(request: ClientRequest, decorate: Context['decorate']): ServedHit | undefined {
    if (!this.#variants.isInMemory) return undefined;
    try {
      const key = cacheKey(request.target, this.#sortQuery);
      const lookup = this.#variants.peek(key, request.fields, request.forwardedAs);
      if (lookup?.located === undefined) return undefined;
      const tx = new Transaction(key, request, NOBODY, { clientAddress: '', startedAt: 0, decorate }, this.#withheld);
      const now = this.#now();
      const decision = this.#decide(tx, lookup, now);
      return decision.action === 'hit' ? this.#serving.begin(tx, lookup.located, decision, 'HIT', { now, read: lookup.read, selecting: lookup.names }) : undefined;
    } catch {
      // It will be thrown there again.
      return undefined;
    }
  }

  /** Calls the listener once for each finished request; returns what ends that. */
  onOutcome(listener: (outcome: Outcome) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** In force before it returns: how many stored responses it hit; undefined where that is not known. */
  async purge(what: Purge): Promise<number | undefined> {
    if ('all' in what && what.soft !== true) this.memo?.clear();
    const hit = await ('url' in what ? this.#purger.purgeKey(cacheKey(what.url, this.#sortQuery), what.soft) : this.#purger.purge(what));
    this.#flights.endPurged();
    return hit;
  }

  /** Of what begins so, purges what was asked for before that number of the stamps; another machine has done so. */
  async purgeOlder(prefix: string, soft: boolean, number: number): Promise<void> {
    await this.#purger.purgeOlder(prefix, soft, number);
    this.#flights.endPurged();
  }

  /** What is stored for the request, what would be done with it now, and why. */
  async explain(request: ClientRequest): Promise<Explanation> {
    const key = cacheKey(request.target, this.#sortQuery);
    return explain(key, request, { store: this.#store, variants: this.#variants, verdicts: this.#verdicts, backoff: this.#backoff, settings: this.#settings, now: this.#now() });
  }

  /** Ends what is still being fetched for the cache alone. */
  async close(): Promise<void> {
    this.#flights.close();
  }

  /** Looks up and answers; once more where what was found left the store before it could be sent. */
  async #answerWhileStored(tx: Transaction): Promise<void> {
    try {
      await this.#answer(tx, await this.#lookUp(tx));
    } catch (error) {
      if (!(error instanceof StoredBodyGone) || tx.request.body !== undefined) throw error;
      await this.#answer(tx, await this.#lookUp(tx));
    }
  }

  #lookUp(tx: Transaction): Promise<Lookup> {
    const { key, request, head } = tx;
    if (this.#leases !== undefined) tx.leasesEnded = this.#leases.ended;
    const cacheable = request.method === 'GET' || request.method === 'HEAD' || (request.method === 'QUERY' && !head.hasBody);
    return cacheable ? this.#variants.find(key, request.fields, request.forwardedAs) : Promise.resolve(NOTHING);
  }

  #decide(tx: Transaction, { located, mismatch, softPurged, names }: Lookup, now: number): Decision {
    const found = { stored: located?.entry, mismatch, softPurged, length: located?.object.body.length };
    let decision = decide(tx.head, found, this.#settings, now);
    // Rarely worth finding out before that.
    const isForwarded = decision.action === 'revalidate' || decision.action === 'miss';
    if (isForwarded && located !== undefined && this.#backoff.holdsUp(tx.request.target, nameOf(tx, names), now)) decision = decide(tx.head, { ...found, unanswered: true }, this.#settings, now);
    tx.decision = decision;
    return decision;
  }

  /** Carries out what policy decides. Not async, as are its like below: each async function on the way costs memory and a turn of the queue. */
  #answer(tx: Transaction, lookup: Lookup): Promise<void> {
    const now = this.#now();
    const decision = this.#decide(tx, lookup, now);
    tx.reasons = decision.reasons;
    if (tx.hasWaited && decision.action === 'hit') {
      tx.collapsed = true;
      tx.reasons = [{ code: 'collapsed' }, ...tx.reasons];
    }
    switch (decision.action) {
      case 'hit':
        return this.#serving.serve(tx, lookup.located!, decision, 'HIT', { now, read: lookup.read, selecting: lookup.names });
      case 'stale':
        return this.#serving.serve(tx, lookup.located!, decision, 'STALE');
      case 'stale-while-revalidate':
        this.#refresher.refresh(tx, lookup);
        return this.#serving.serve(tx, lookup.located!, decision, 'STALE');
      case 'revalidate':
      case 'miss':
        return this.#forwarder.forward(tx, lookup, decision);
      case 'bypass':
        return this.#bypass(tx);
      case 'unavailable':
        throw new MillraceError('ERR_NOT_CACHED', 'The request asks for an answer from the cache alone (only-if-cached), and there is none that may be used.');
    }
  }

  #plan({ key, request, head, content }: Transaction, located: Located | undefined, validate: boolean, whole: boolean): FetchPlan {
    return { key, request, head, content, located, validate, whole, stamp: this.#stamps.now() };
  }

  async #bypass(tx: Transaction): Promise<void> {
    const { request, reply } = tx;
    const cancel = new Cancel();
    const body = tx.content === undefined ? request.body : Readable.from([tx.content], { objectMode: false });
    reply.onClose(() => cancel.abort(new MillraceError('ERR_CLIENT_GONE', 'The client closed the connection before it had the whole response.')));
    const startedAt = this.#now();
    const response = await this.#origin.fetch({
      method: request.method,
      target: request.target,
      fields: request.fields,
      body,
      ...(request.trailers && { trailers: request.trailers }),
      signal: cancel,
      onInformational: (status, fields) => tx.informational(status, fields),
    });
    completeResponse(response.fields, response.httpVersion, this.#now());
    const now = this.#now();
    this.#backoff.answered(request.target, now);
    tx.originStatus = response.status;
    tx.originDuration = now - startedAt;
    if (invalidates(request.method, response.status)) await this.#invalidate(tx, response);
    if (request.method !== 'POST' || !this.#settings.cache) return this.#serving.pass(tx, response, 'BYPASS');
    // What a POST answers may be the target's representation, for later GETs.
    const landing = await this.#fetcher.receive(this.#plan(tx, undefined, false, false), response, startedAt, now);
    return landing.kind === 'filling' ? this.#serving.serveOwn(tx, landing) : this.#serving.pass(tx, response, 'BYPASS');
  }

  /** https://www.rfc-editor.org/rfc/rfc9111.html#section-4.4 */
  async #invalidate(tx: Transaction, response: OriginResponse): Promise<void> {
    const { target, site } = tx.request;
    const own = new URL(urlOf(target));
    const also = alsoInvalidated(own, response.fields, tx.request, site);
    const keys = also.map((url) => cacheKey({ ...target, path: url.pathname + url.search }, this.#sortQuery));
    for (const group of invalidatedGroups(response.fields)) this.#purger.purgeGroup(tx.key, group);
    await Promise.all([tx.key, ...keys].map((key) => this.#purger.purgeKey(key)));
    const prefixes = membersInvalidated(own, tx.request, site);
    await Promise.all(prefixes.map((prefix) => this.#members.invalidate(prefix)));
    this.#flights.endPurged();
  }
}

