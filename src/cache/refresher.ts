/**
 * @module cache/refresher
 * Validates in the background what was just served stale.
 * Source: https://www.rfc-editor.org/rfc/rfc5861.html#section-3
 */
import { carriesPrivate } from '../policy/message.ts';
import { Cancel } from './cancel.ts';
import { type FetchPlan, drop } from './fetcher.ts';
import { flightKey } from './flight.ts';
import type { Boarding, Flights } from './flights.ts';
import { type Leases, hold } from './leases.ts';
import type { Permits } from './permits.ts';
import { scopesOf } from './scopes.ts';
import type { Transaction } from './transaction.ts';
import type { Located, Lookup } from './variants.ts';

interface RefresherOptions {
  readonly flights: Flights;
  readonly leases: Leases | undefined;
  readonly permits: Permits;
  /** To validate it, or fetch it anew, as a whole. */
  readonly plan: (tx: Transaction, located: Located | undefined) => FetchPlan;
}

export class Refresher {
  readonly #flights: Flights;
  readonly #leases: Leases | undefined;
  readonly #permits: Permits;
  readonly #plan: RefresherOptions['plan'];

  constructor({ flights, leases, permits, plan }: RefresherOptions) {
    this.#flights = flights;
    this.#leases = leases;
    this.#permits = permits;
    this.#plan = plan;
  }

  /** Nobody waits for it. Where the origin is asked for enough already, the next request tries again. */
  refresh(tx: Transaction, { located, names }: Lookup): void {
    const name = flightKey(tx.key, tx.request, names, carriesPrivate(tx.head));
    const boarding: Boarding = { name, range: 'whole' };
    if (this.#flights.boarding(boarding, scopesOf(tx.key, tx.request.forwardedAs)) !== undefined) return;
    const giveBack = this.#permits.take();
    if (giveBack === undefined) {
      tx.reasons = [{ code: 'validation-deferred' }, ...tx.reasons];
      return;
    }
    const lease = this.#leases?.take(name, tx.leasesEnded);
    if (lease === 'elsewhere' || lease === 'ended') return giveBack();
    const plan = this.#plan(tx, located);
    // What a HEAD brings replaces no whole response.
    const whole = located?.entry.method === 'HEAD' ? plan : { ...plan, request: asGet(plan.request), head: asGet(plan.head) };
    const flight = this.#flights.launch(whole, new Cancel(), boarding);
    if (lease !== undefined) hold(lease, flight);
    void flight.over.then(giveBack);
    void flight.landing.then(
      (landing) => {
        if (landing.kind === 'filling') landing.fill.start();
        else if (landing.kind === 'passing') drop(landing.response);
      },
      // It failed; the next request that is served stale tries again.
      () => {},
    );
  }
}

function asGet<Request extends { readonly method: string }>(request: Request): Request {
  return request.method === 'HEAD' ? { ...request, method: 'GET' } : request;
}
