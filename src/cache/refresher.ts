/**
 * @module cache/refresher
 * Validates in the background what was just served stale.
 * Source: https://www.rfc-editor.org/rfc/rfc5861.html#section-3
 */
import { carriesPrivate } from '../policy/message.ts';
import { type Backoff, originOf } from './backoff.ts';
import { Cancel } from './cancel.ts';
import { type FetchPlan, drop } from './fetcher.ts';
import { type Flight, flightKey } from './flight.ts';
import type { Boarding, Flights } from './flights.ts';
import { type Leases, hold } from './leases.ts';
import type { Permits } from './permits.ts';
import type { Target } from './ports.ts';
import { scopesOf } from './scopes.ts';
import type { Transaction } from './transaction.ts';
import type { Located, Lookup } from './variants.ts';

interface RefresherOptions {
  readonly flights: Flights;
  readonly leases: Leases | undefined;
  readonly permits: Permits;
  readonly backoff: Backoff;
  readonly now: () => number;
  /** To validate it, or fetch it anew, as a whole. */
  readonly plan: (tx: Transaction, located: Located | undefined) => FetchPlan;
}

export class Refresher {
  readonly #flights: Flights;
  readonly #leases: Leases | undefined;
  readonly #permits: Permits;
  readonly #backoff: Backoff;
  readonly #now: () => number;
  readonly #plan: RefresherOptions['plan'];

  constructor({ flights, leases, permits, backoff, now, plan }: RefresherOptions) {
    this.#backoff = backoff;
    this.#now = now;
    this.#flights = flights;
    this.#leases = leases;
    this.#permits = permits;
    this.#plan = plan;
  }

  /** Nobody waits for it. Where the origin is asked for enough already, or the last attempt failed a moment ago, a later request tries again. */
  refresh(tx: Transaction, { located, names }: Lookup): void {
    const name = flightKey(tx.key, tx.request, names, carriesPrivate(tx.head));
    const boarding: Boarding = { name, range: 'whole' };
    if (this.#flights.boarding(boarding, scopesOf(tx.key, tx.request.forwardedAs)) !== undefined) return;
    const origin = originOf(tx.request.target);
    const isProbe = this.#backoff.isUnanswered(origin, this.#now());
    const endProbe = isProbe ? this.#backoff.probe(origin, this.#now()) : undefined;
    if ((isProbe && endProbe === undefined) || !this.#backoff.mayTry(name, this.#now())) {
      endProbe?.();
      tx.reasons = [...tx.reasons, { code: 'validation-paused' }];
      return;
    }
    const giveBack = this.#permits.take();
    if (giveBack === undefined) {
      endProbe?.();
      tx.reasons = [{ code: 'validation-deferred' }, ...tx.reasons];
      return;
    }
    const lease = this.#leases?.take(name, tx.leasesEnded);
    if (lease === 'elsewhere' || lease === 'ended') {
      endProbe?.();
      return giveBack();
    }
    const plan = this.#plan(tx, located);
    // What a HEAD brings replaces no whole response.
    const whole = located?.entry.method === 'HEAD' ? plan : { ...plan, request: asGet(plan.request), head: asGet(plan.head) };
    const flight = this.#flights.launch(whole, new Cancel(), boarding);
    if (lease !== undefined) hold(lease, flight);
    void flight.over.then(giveBack);
    this.#attend(flight, name, origin, endProbe);
  }

  /** The client whose request it was has been served a stale response, as the origin had not responded in time. */
  takeOver(flight: Flight, name: string, target: Target): void {
    const origin = originOf(target);
    this.#attend(flight, name, origin, this.#backoff.isUnanswered(origin, this.#now()) ? this.#backoff.probe(origin, this.#now()) : undefined);
  }

  /** Does with the response what the client would have seen to, and notes how it went. */
  #attend({ landing }: Flight, name: string, origin: string, endProbe: (() => void) | undefined): void {
    void landing.then(
      (landed) => {
        if (landed.kind === 'passing' && landed.originStatus >= 500) this.#backoff.failed(name, true, this.#now());
        else this.#backoff.recovered(name);
        endProbe?.();
        if (landed.kind === 'filling') landed.fill.start();
        else if (landed.kind === 'passing') drop(landed.response);
      },
      () => {
        this.#backoff.failed(name, false, this.#now());
        if (endProbe !== undefined) this.#backoff.failed(origin, false, this.#now());
        endProbe?.();
      },
    );
  }
}

function asGet<Request extends { readonly method: string }>(request: Request): Request {
  return request.method === 'HEAD' ? { ...request, method: 'GET' } : request;
}
