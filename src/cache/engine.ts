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
import { carriesPrivate } from '../policy/message.ts';
import { usefulFor } from '../policy/keep.ts';
import { type Decision, decide } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { causeOf } from '../policy/uncacheable.ts';
import { SelectingFields, firstMismatch } from '../policy/vary.ts';
import { TAG_FIELD_NAMES, invalidatedGroups } from '../policy/groups.ts';
import { alsoInvalidated, invalidates, membersInvalidated } from '../policy/invalidate.ts';
import { Cancel } from './cancel.ts';
import { Collections } from './collections.ts';
import { type ClientRequest, NOBODY, type Reply } from './exchange.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { type FetchPlan, Fetcher, type Landing, type Passing, drop } from './fetcher.ts';
import { type Flight, flightKey } from './flight.ts';
import { Flights } from './flights.ts';
import { cacheKey, urlOf } from './key.ts';
import type { Outcome } from './outcome.ts';
import type { Origin, OriginResponse, Store } from './ports.ts';
import { type Leases, hold } from './leases.ts';
import { Members } from './members.ts';
import { Memo, type ServedHit, hasTickets } from './memo.ts';
import type { Permits } from './permits.ts';
import { type Purge, Purger } from './purger.ts';
import { Refresher } from './refresher.ts';
import { scopesOf } from './scopes.ts';
import { Serving, StoredBodyGone } from './serving.ts';
import { Stamps } from './stamps.ts';
import { type Context, Transaction } from './transaction.ts';
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
  /** Which URLs have others below them; see collections.ts. Where other workers have it too: of all of them. */
  readonly collections?: SharedArrayBuffer | undefined;
  /** Marks all that begins so as stale, wherever there are parts of this cache; default: here alone. */
  readonly purgePrefix?: (prefix: string) => Promise<unknown>;
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
  readonly #verdicts = new Verdicts();
  readonly #fetcher: Fetcher;
  readonly #purger: Purger;
  readonly #members: Members;
  readonly #flights: Flights;
  readonly #serving: Serving;
  readonly #refresher: Refresher;
  readonly #listeners = new Set<(outcome: Outcome) => void>();

  constructor({ store, origin, settings, sortQuery, keepTags, shared, permits, collections, purgePrefix, memoBytes = 0, onNotice = () => undefined, now = Date.now }: EngineOptions) {
    this.#store = store;
    this.#origin = origin;
    this.#settings = settings;
    this.#sortQuery = sortQuery;
    this.#withheld = keepTags ? [] : TAG_FIELD_NAMES;
    this.#now = now;
    this.#stamps = shared?.stamps ?? new Stamps();
    this.#leases = shared?.leases;
    const all = new Collections(collections);
    this.#variants = new Variants(store, this.#stamps, all, (entry) => usefulFor(entry, settings, now()));
    if (memoBytes > 0 && hasTickets(store)) this.memo = new Memo(store, this.#stamps, memoBytes + (store.lendable ?? 0), { lifetimeOf: (entry) => freshnessLifetime(entry, settings), withheld: this.#withheld });
    this.#fetcher = new Fetcher({ origin, store, variants: this.#variants, settings, now, onNotice });
    this.#flights = new Flights(this.#fetcher, this.#stamps);
    this.#serving = new Serving(settings, now);
    this.#refresher = new Refresher({ flights: this.#flights, leases: this.#leases, permits, plan: (tx, located) => this.#plan(tx, located, true, true) });
    this.#purger = new Purger({ store, stamps: this.#stamps, variants: this.#variants, verdicts: this.#verdicts, collections: all, underWay: () => this.#flights.keys, isShared: shared !== undefined });
    this.#members = new Members(all, () => this.#flights.keys, purgePrefix ?? ((prefix) => this.#purger.purge({ prefix, soft: true })));
  }

  /** Answers the request. Never rejects: a failure becomes a reply; settles when the exchange is over. */
  async handle(request: ClientRequest, reply: Reply, context: Context): Promise<void> {
    const tx = new Transaction(cacheKey(request.target, this.#sortQuery), request, reply, context, this.#withheld);
    try {
      if (request.method === 'QUERY') await tx.readContent(this.#sortQuery);
      await this.#answerWhileStored(tx);
    } catch (error) {
      tx.fail(MillraceError.from(error));
    }
    if (this.#listeners.size === 0) return;
    const outcome = tx.outcome(this.#now());
    for (const listener of this.#listeners) listener(outcome);
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
    return 'url' in what ? this.#purger.purgeKey(cacheKey(what.url, this.#sortQuery), what.soft) : this.#purger.purge(what);
  }

  /** Of what begins so, purges what was asked for before that number of the stamps; another machine has done so. */
  async purgeOlder(prefix: string, soft: boolean, number: number): Promise<void> {
    await this.#purger.purgeOlder(prefix, soft, number);
  }

  /** What is stored for the request, what would be done with it now, and why. */
  async explain(request: ClientRequest): Promise<Explanation> {
    const key = cacheKey(request.target, this.#sortQuery);
    return explain(key, request, { store: this.#store, variants: this.#variants, verdicts: this.#verdicts, settings: this.#settings, now: this.#now() });
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

  #decide(tx: Transaction, { located, mismatch, softPurged }: Lookup, now: number): Decision {
    const decision = decide(tx.head, { stored: located?.entry, mismatch, softPurged, length: located?.object.body.length }, this.#settings, now);
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
        return this.#forward(tx, lookup, decision, true);
      case 'bypass':
        return this.#bypass(tx);
      case 'unavailable':
        throw new MillraceError('ERR_NOT_CACHED', 'The request asks for an answer from the cache alone (only-if-cached), and there is none that may be used.');
    }
  }

  /** Boards the flight that is under way for the same, else leads one. */
  #forward(tx: Transaction, lookup: Lookup, decision: Decision, mayRetry: boolean): Promise<void> {
    const isPrivate = carriesPrivate(tx.head);
    const name = flightKey(tx.key, tx.request, lookup.names, isPrivate);
    const validate = decision.action === 'revalidate';
    // A client that asks for a response of its own must not get one that was asked for before.
    const shares = !this.#verdicts.passes(name, this.#now()) && 'forward' in decision && decision.forward !== 'request' && (validate || !tx.request.fields.has('range'));
    const boarding = shares ? this.#flights.boarding(name, scopesOf(tx.key, tx.request.forwardedAs)) : undefined;
    if (boarding !== undefined) return this.#follow(tx, boarding, lookup, decision, mayRetry);
    // What a HEAD brings cannot serve a GET.
    if (!shares || tx.request.method === 'HEAD') return this.#alone(tx, lookup, validate, name);
    const lease = this.#leases?.take(name, tx.leasesEnded);
    if (typeof lease === 'string' && !tx.hasWaited) return this.#waitForOther(tx, name);
    const flight = this.#flights.launch(this.#plan(tx, lookup.located, validate, true), new Cancel(), name);
    if (typeof lease === 'object') hold(lease, flight);
    return this.#land(tx, flight, lookup, name);
  }

  /** Another worker fetches it, or has just done so: what that one stores may serve this client too. Once only; then it goes on its own. */
  async #waitForOther(tx: Transaction, name: string): Promise<void> {
    tx.hasWaited = true;
    await this.#leases!.wait(name);
    await this.#answer(tx, await this.#lookUp(tx));
  }

  /** Fetches for this client and nobody else; when it leaves before the response comes, nobody needs that. */
  #alone(tx: Transaction, lookup: Lookup, validate: boolean, name: string): Promise<void> {
    const flight = this.#flights.launch(this.#plan(tx, lookup.located, validate, false), new Cancel(), undefined);
    tx.reply.onClose(() => flight.hasLanded || flight.cancel.abort(new MillraceError('ERR_CLIENT_GONE', 'The client closed the connection before the origin answered.')));
    return this.#land(tx, flight, lookup, name);
  }

  #plan({ key, request, head, content }: Transaction, located: Located | undefined, validate: boolean, whole: boolean): FetchPlan {
    return { key, request, head, content, located, validate, whole, stamp: this.#stamps.now() };
  }

  /** Serves the client whose request the flight was made for. */
  async #land(tx: Transaction, flight: Flight, lookup: Lookup, name: string): Promise<void> {
    let landing: Landing;
    try {
      landing = await flight.board(tx);
    } catch (error) {
      return this.#serveWithoutOrigin(tx, lookup.located, error);
    }
    tx.landed(landing);
    if (landing.kind !== 'passing') {
      this.#verdicts.delete(name);
      await this.#serving.serveLanded(tx, landing, 'own');
      return;
    }
    if (lookup.located !== undefined && (await this.#serving.serveStale(tx, lookup.located, { status: landing.originStatus }))) return drop(landing.response);
    this.#remember(tx, landing, name);
    tx.reasons = [...landing.reasons, ...tx.reasons];
    await this.#serving.pass(tx, landing.response, 'MISS');
  }

  /** Keeps in mind that the response was not stored, unless that was because of how this client asked. */
  #remember(tx: Transaction, { originStatus, originDuration, reasons }: Passing, name: string): void {
    const cause = causeOf(tx.request.method, originStatus, reasons);
    const now = this.#now();
    if (cause !== 'request') this.#verdicts.set(name, { reasons, cause, askedAt: now - originDuration }, now);
  }

  /** Serves a client that waits for another's flight, where the response may serve it too. */
  async #follow(tx: Transaction, flight: Flight, lookup: Lookup, decision: Decision, mayRetry: boolean): Promise<void> {
    tx.collapsed = true;
    // Tags are known when it has landed, and not before.
    const mayBePurged = flight.stamp !== this.#stamps.now();
    let landing: Landing;
    try {
      // What the origin hints at early may be for the client alone that began it, as far as anybody knows yet.
      landing = await (carriesPrivate(tx.head) ? flight.landing : flight.board(tx));
    } catch (error) {
      return this.#serveWithoutOrigin(tx, lookup.located, error);
    }
    tx.landed(landing);
    if (landing.kind === 'passing') {
      if (await this.#serving.serveStale(tx, lookup.located, { status: landing.originStatus })) return;
      // The next one may fare better: all that waited must not reach an origin in trouble at once.
      if (mayRetry && causeOf(tx.request.method, landing.originStatus, landing.reasons) === 'failure') {
        tx.collapsed = false;
        return this.#forward(tx, lookup, decision, false);
      }
    } else {
      const entry = landing.kind === 'filling' ? landing.entry : landing.located.entry;
      const mismatch = firstMismatch(entry.selection, new SelectingFields(tx.request.fields), tx.request.forwardedAs);
      if (mismatch !== undefined && mayRetry) {
        // Now it is known what selects: those that agree in it can share a flight of their own.
        tx.collapsed = false;
        return this.#forward(tx, { ...lookup, names: entry.selection.names }, decision, false);
      }
      const again = decide(tx.head, { stored: entry, mismatch: undefined, softPurged: this.#variants.isSoftPurged(tx.key, entry) }, this.#settings, this.#now());
      const isPurged = mayBePurged && this.#variants.isDead(tx.key, entry);
      const usable = again.action === 'hit' || again.action === 'stale' || again.action === 'stale-while-revalidate';
      if (mismatch === undefined && usable && !isPurged && (landing.kind === 'validated' || (landing.part === undefined && landing.fill.joinable))) return this.#serving.serveLanded(tx, landing, again.omit);
    }
    tx.collapsed = false;
    const name = flightKey(tx.key, tx.request, lookup.names, carriesPrivate(tx.head));
    return this.#alone(tx, lookup, decision.action === 'revalidate', name);
  }

  /** The origin gave no response: what is stored may be served in its place. */
  async #serveWithoutOrigin(tx: Transaction, located: Located | undefined, error: unknown): Promise<void> {
    if (!(await this.#serving.serveStale(tx, located, 'no-response'))) throw error;
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
    tx.originStatus = response.status;
    tx.originDuration = now - startedAt;
    if (invalidates(request.method, response.status)) await this.#invalidate(tx, response);
    if (request.method !== 'POST' || !this.#settings.cache) return this.#serving.pass(tx, response, 'BYPASS');
    // What a POST answers may be the target's representation, for later GETs.
    const landing = await this.#fetcher.receive(this.#plan(tx, undefined, false, false), response, startedAt, now);
    return landing.kind === 'filling' ? this.#serving.serveLanded(tx, landing, 'own') : this.#serving.pass(tx, response, 'BYPASS');
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
  }
}

