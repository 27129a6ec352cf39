/**
 * @module cache/forwarder
 * Asks the origin for what is not stored, or has to be validated: one request for all clients that
 * its response may serve. A client boards a flight that is under way, or leads one.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4
 */
import { MillraceError } from '../errors.ts';
import { carriesPrivate } from '../policy/message.ts';
import { type RequestedRange, isFromStart, requestedRange } from '../policy/requested-range.ts';
import { type Decision, decide } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { asksForEvents } from '../policy/streams.ts';
import { causeOf } from '../policy/uncacheable.ts';
import { isConditional } from '../policy/validate.ts';
import { SelectingFields, firstMismatch } from '../policy/vary.ts';
import { type Backoff, originOf } from './backoff.ts';
import { Cancel } from './cancel.ts';
import { type FetchPlan, type Landing, type Passing, drop } from './fetcher.ts';
import { type Flight, flightKey } from './flight.ts';
import type { Boarding, Flights } from './flights.ts';
import { type Lease, type Leases, hold } from './leases.ts';
import type { Refresher } from './refresher.ts';
import { scopesOf } from './scopes.ts';
import type { Serving } from './serving.ts';
import type { Stamps } from './stamps.ts';
import type { Transaction } from './transaction.ts';
import type { Located, Lookup, Variants } from './variants.ts';
import type { Verdicts } from './verdicts.ts';

interface ForwarderParts {
  readonly flights: Flights;
  readonly leases: Leases | undefined;
  readonly stamps: Stamps;
  readonly variants: Variants;
  readonly verdicts: Verdicts;
  readonly serving: Serving;
  readonly refresher: Refresher;
  readonly backoff: Backoff;
  /** ms that a client waits for the origin where a stale response may be used. */
  readonly staleWaitMs: number;
  readonly settings: Settings;
  readonly now: () => number;
  readonly plan: (tx: Transaction, located: Located | undefined, validate: boolean, whole: boolean) => FetchPlan;
  /** Looks the request up anew, and carries out what is decided then. */
  readonly again: (tx: Transaction) => Promise<void>;
}

type Forwarded = Extract<Decision, { action: 'revalidate' | 'miss' }>;

/** What is to be asked for. */
interface Errand {
  readonly lookup: Lookup;
  readonly decision: Forwarded;
  /** How many flights it has boarded in vain. */
  readonly round: number;
  /** The last of them. */
  readonly past?: Flight;
}

/** Flights that one request waits for; then it leads one. Two such waits follow one another only where the first response failed, or did not have what was wanted. */
const MAX_ROUNDS = 2;

export class Forwarder {
  readonly #parts: ForwarderParts;

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
  }

  forward(tx: Transaction, lookup: Lookup, decision: Forwarded): Promise<void> {
    return this.#send(tx, { lookup, decision, round: 0 });
  }

  /** Boards the flight that is under way for the same, else leads one. */
  #send(tx: Transaction, errand: Errand): Promise<void> {
    const { flights, verdicts, now, plan } = this.#parts;
    const { lookup, decision, round, past } = errand;
    const validate = decision.action === 'revalidate';
    const boarding: Boarding = { name: nameOf(tx, lookup.names), range: validate ? 'whole' : requestedRange(tx.head) };
    // A client that asks for a response of its own must not get one that was asked for before.
    const shares = !verdicts.passes(boarding.name, now()) && !asksForEvents(tx.head) && decision.forward !== 'request' && boarding.range !== 'other';
    const flight = shares && round < MAX_ROUNDS ? flights.boarding(boarding, scopesOf(tx.key, tx.request.forwardedAs), past) : undefined;
    if (flight !== undefined) return this.#follow(tx, flight, errand);
    if (!shares || !mayLead(tx, boarding.range)) return this.#alone(tx, errand);
    const lease = this.#lease(tx, boarding);
    if (typeof lease === 'string') return this.#waitForOther(tx, lease, errand);
    const led = flights.launch(plan(tx, lookup.located, validate, boarding.range === 'whole'), new Cancel(), boarding);
    if (lease !== undefined) hold(lease, led);
    return this.#land(tx, led, errand);
  }

  /** The lease on what is to be fetched, or the name of the one that another worker has, and that is to be waited for. */
  #lease(tx: Transaction, { name, range }: Boarding): Lease | string | undefined {
    const { leases } = this.#parts;
    if (leases === undefined) return undefined;
    const isPart = range !== 'whole' && !isFromStart(range);
    if (isPart && !tx.hasWaited && leases.isElsewhere(name)) return name;
    const leased = isPart ? `${name}\n${tx.request.fields.get('range')!}` : name;
    const lease = leases.take(leased, tx.leasesEnded);
    if (typeof lease !== 'string') return lease;
    return tx.hasWaited ? undefined : leased;
  }

  /** Another worker fetches it, or has just done so: what that one stores may serve this client too. Once only; then it goes on its own. */
  async #waitForOther(tx: Transaction, name: string, errand: Errand): Promise<void> {
    const { leases, now, again } = this.#parts;
    tx.hasWaited = true;
    const since = now();
    const hasLanded = await leases!.wait(name, this.#patienceMs(tx, errand));
    if (!hasLanded) this.#noteSilence(tx, errand, since);
    await again(tx);
  }

  /** Fetches for this client and nobody else; when it leaves before the response comes, nobody needs that. */
  #alone(tx: Transaction, errand: Errand): Promise<void> {
    const { flights, plan } = this.#parts;
    const flight = flights.launch(plan(tx, errand.lookup.located, errand.decision.action === 'revalidate', false), new Cancel(), undefined);
    tx.reply.onClose(() => flight.hasLanded || flight.cancel.abort(new MillraceError('ERR_CLIENT_GONE', 'The client closed the connection before the origin answered.')));
    return this.#land(tx, flight, errand);
  }

  /** Serves the client whose request the flight was made for. */
  async #land(tx: Transaction, flight: Flight, errand: Errand): Promise<void> {
    const { serving, verdicts, backoff, refresher } = this.#parts;
    const { lookup } = errand;
    let landing: Landing | undefined;
    try {
      landing = await this.#inTime(tx, flight.board(tx), errand);
    } catch (error) {
      return this.#serveWithoutOrigin(tx, lookup.located, error);
    }
    if (landing === undefined) {
      refresher.takeOver(flight, nameOf(tx, lookup.names), tx.request.target);
      return this.#serveInPlace(tx, lookup.located!);
    }
    tx.landed(landing);
    if (lookup.located !== undefined) backoff.recovered(nameOf(tx, lookup.names));
    if (landing.kind !== 'passing') {
      verdicts.delete(nameOf(tx, lookup.names));
      await serving.serveOwn(tx, landing);
      return;
    }
    if (lookup.located !== undefined && (await serving.serveStale(tx, lookup.located, { status: landing.originStatus }))) return drop(landing.response);
    this.#remember(tx, landing, nameOf(tx, lookup.names));
    tx.reasons = [...landing.reasons, ...tx.reasons];
    await serving.pass(tx, landing.response, 'MISS');
  }

  /** Keeps in mind that the response was not stored, unless that was because of how this client asked. */
  #remember(tx: Transaction, { originStatus, originDuration, reasons }: Passing, name: string): void {
    const cause = causeOf(tx.request.method, originStatus, reasons);
    const now = this.#parts.now();
    if (cause !== 'request') this.#parts.verdicts.set(name, { reasons, cause, askedAt: now - originDuration }, now);
  }

  /** Serves a client that waits for another's flight, where the response may serve it too. */
  async #follow(tx: Transaction, flight: Flight, errand: Errand): Promise<void> {
    const { stamps, variants, serving, settings, now } = this.#parts;
    const { lookup, round } = errand;
    tx.collapsed = true;
    // Tags are known when it has landed, and not before.
    const mayBePurged = flight.stamp !== stamps.now();
    let landing: Landing | undefined;
    try {
      // What the origin hints at early may be for the client alone that began it, as far as anybody knows yet.
      landing = await this.#inTime(tx, carriesPrivate(tx.head) ? flight.landing : flight.board(tx), errand);
    } catch (error) {
      return this.#serveWithoutOrigin(tx, lookup.located, error);
    }
    if (landing === undefined) return this.#serveInPlace(tx, lookup.located!);
    tx.landed(landing);
    const next: Errand = { ...errand, round: round + 1, past: flight };
    if (landing.kind === 'passing') {
      if (await serving.serveStale(tx, lookup.located, { status: landing.originStatus })) return;
      // The next one may fare better: all that waited must not reach an origin in trouble at once.
      const isFailure = causeOf(tx.request.method, landing.originStatus, landing.reasons) === 'failure';
      return this.#goOn(tx, next, isFailure && round === 0);
    }
    const entry = landing.kind === 'filling' ? landing.entry : landing.located.entry;
    const mismatch = firstMismatch(entry.selection, new SelectingFields(tx.request.fields), tx.request.forwardedAs);
    // Now it is known what selects: those that agree in it can share a flight of their own.
    if (mismatch !== undefined) return this.#goOn(tx, { ...next, lookup: { ...lookup, names: entry.selection.names } }, round === 0);
    const again = decide(tx.head, { stored: entry, mismatch: undefined, softPurged: variants.isSoftPurged(tx.key, entry) }, settings, now());
    const isPurged = mayBePurged && variants.isDead(tx.key, entry);
    const isUsable = again.action === 'hit' || again.action === 'stale' || again.action === 'stale-while-revalidate';
    if (isUsable && !isPurged && (await serving.serveCollapsed(tx, landing, again.omit))) return;
    // It brings other bytes, or these ones not soon.
    return this.#goOn(tx, next, landing.kind === 'filling' && (entry.range !== undefined || (isUsable && !isPurged)));
  }

  /** What it waited for was of no use. */
  #goOn(tx: Transaction, errand: Errand, mayShare: boolean): Promise<void> {
    tx.collapsed = false;
    return mayShare ? this.#send(tx, errand) : this.#alone(tx, errand);
  }

  /** ms that the client waits for the origin, as there is a stale response that may be used in its place; undefined: as long as it takes. */
  #patienceMs(tx: Transaction, { lookup: { located }, decision }: Errand): number | undefined {
    const { serving, staleWaitMs } = this.#parts;
    // Who asks for validation waits for it.
    return decision.forward !== 'request' && located !== undefined && serving.mayServeStale(tx, located, 'no-response-yet') ? staleWaitMs : undefined;
  }

  /** Undefined where it takes longer than the client is made to wait, and what is stored may still be used. */
  async #inTime(tx: Transaction, landing: Promise<Landing>, errand: Errand): Promise<Landing | undefined> {
    const patienceMs = this.#patienceMs(tx, errand);
    if (patienceMs === undefined) return landing;
    const since = this.#parts.now();
    const landed = await within(landing, patienceMs);
    if (landed !== undefined || this.#patienceMs(tx, errand) === undefined) return landing;
    this.#noteSilence(tx, errand, since);
    return undefined;
  }

  #noteSilence(tx: Transaction, { lookup }: Errand, since: number): void {
    const { backoff, now } = this.#parts;
    backoff.unanswered(originOf(tx.request.target), since, now());
    backoff.unanswered(nameOf(tx, lookup.names), since, now());
  }

  /** The origin has not responded in time. */
  async #serveInPlace(tx: Transaction, located: Located): Promise<void> {
    tx.collapsed = false;
    await this.#parts.serving.serveStale(tx, located, 'no-response-yet');
  }

  /** The origin gave no response: what is stored may be served in its place. */
  async #serveWithoutOrigin(tx: Transaction, located: Located | undefined, error: unknown): Promise<void> {
    if (!(await this.#parts.serving.serveStale(tx, located, 'no-response'))) throw error;
  }
}

/** By that name requests can share a flight. */
export function nameOf(tx: Transaction, names: readonly string[]): string {
  return flightKey(tx.key, tx.request, names, carriesPrivate(tx.head));
}

/** What the request brings may serve others: not so a HEAD, which has no body, nor a range whose conditions the origin judges for this client alone. */
function mayLead({ request }: Transaction, range: RequestedRange): boolean {
  return request.method !== 'HEAD' && (range === 'whole' || !isConditional(request.fields));
}

/** Undefined where it takes longer. */
async function within<Value>(promise: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
