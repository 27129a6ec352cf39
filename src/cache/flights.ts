/**
 * @module cache/flights
 * The requests to origins that are under way and whose response may be stored: those that others
 * may still board, by flight key, and all of them, for purges and for the end.
 */
import { MillraceError } from '../errors.ts';
import type { Cancel } from './cancel.ts';
import type { FetchPlan, Fetcher } from './fetcher.ts';
import { Flight } from './flight.ts';
import type { Stamps } from './stamps.ts';

interface Departure {
  readonly key: string;
  /** Its place among all of them. */
  index: number;
  /** Undefined once it is over: whoever still knows the departure then keeps nothing else of it alive. */
  flight: Flight | undefined;
}

export class Flights {
  readonly #fetcher: Fetcher;
  readonly #stamps: Stamps;
  /**
   * A Map or Set whose members come and go is built anew all the time, and what an old one held is
   * kept with it until the next full garbage collection. So this one holds no flights themselves:
   * measured, a third of what a miss costs.
   */
  readonly #boarding = new Map<string, Departure>();
  readonly #departures: Departure[] = [];

  constructor(fetcher: Fetcher, stamps: Stamps) {
    this.#fetcher = fetcher;
    this.#stamps = stamps;
  }

  /**
   * The flight to board for that name, unless what it brings was purged meanwhile.
   * @param scopes those that are known beforehand
   */
  boarding(name: string, scopes: readonly string[]): Flight | undefined {
    const flight = this.#boarding.get(name)?.flight;
    return flight === undefined || scopes.some((scope) => this.#stamps.isDead(scope, flight.stamp)) ? undefined : flight;
  }

  /** @param name others may board it by that name until its response is in the store, or known to serve nobody else; undefined: nobody may */
  launch(plan: FetchPlan, cancel: Cancel, name: string | undefined): Flight {
    const flight = new Flight(plan.stamp, cancel, (self) => this.#fetcher.fetch(plan, self));
    const departure: Departure = { key: plan.key, index: this.#departures.length, flight };
    this.#departures.push(departure);
    if (name !== undefined) this.#boarding.set(name, departure);
    const over = (): void => this.#forget(departure, name);
    flight.landing.then(
      (landing) => {
        flight.hasLanded = true;
        if (landing.kind === 'filling') void landing.fill.stored.then(over);
        else over();
      },
      () => {
        flight.hasLanded = true;
        over();
      },
    );
    return flight;
  }

  /** The keys of what is being fetched. */
  get keys(): string[] {
    return this.#departures.map(({ key }) => key);
  }

  #forget(departure: Departure, name: string | undefined): void {
    departure.flight = undefined;
    if (name !== undefined && this.#boarding.get(name) === departure) this.#boarding.delete(name);
    const { index } = departure;
    const last = this.#departures.pop()!;
    if (index === this.#departures.length) return;
    this.#departures[index] = last;
    last.index = index;
  }

  close(): void {
    // A departure that is aborted leaves the list.
    for (const { flight } of this.#departures.slice()) flight?.cancel.abort(new MillraceError('ERR_SHUTTING_DOWN', 'The proxy stops.'));
  }
}
