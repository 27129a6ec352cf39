/**
 * @module cache/flights
 * The requests to origins that are under way and whose response may be stored: those that others
 * may still board, by flight key, and all of them, for purges and for the end.
 */
import { MillraceError } from '../errors.ts';
import type { FetchPlan, Fetcher } from './fetcher.ts';
import { Flight } from './flight.ts';
import type { Stamps } from './stamps.ts';

interface Departure {
  readonly key: string;
  readonly controller: AbortController;
  /** Its place among all of them. */
  index: number;
}

export class Flights {
  readonly #fetcher: Fetcher;
  readonly #stamps: Stamps;
  readonly #boarding = new Map<string, Flight>();
  /**
   * Not a Set: one whose members come and go is built anew all the time, and what an old one held
   * is kept with it until the next full garbage collection.
   */
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
    const flight = this.#boarding.get(name);
    return flight === undefined || scopes.some((scope) => this.#stamps.isDead(scope, flight.stamp)) ? undefined : flight;
  }

  /** @param name others may board it by that name until its response is in the store, or known to serve nobody else; undefined: nobody may */
  launch(plan: Omit<FetchPlan, 'onInformational' | 'signal' | 'stamp'>, controller: AbortController, name: string | undefined): Flight {
    const departure: Departure = { key: plan.key, controller, index: this.#departures.length };
    const stamp = this.#stamps.now();
    const flight = new Flight(stamp, (onInformational) => this.#fetcher.fetch({ ...plan, stamp, signal: controller.signal, onInformational }));
    this.#departures.push(departure);
    if (name !== undefined) this.#boarding.set(name, flight);
    void flight.over.then(() => {
      this.#forget(departure);
      if (name !== undefined && this.#boarding.get(name) === flight) this.#boarding.delete(name);
    });
    return flight;
  }

  /** The keys of what is being fetched. */
  get keys(): string[] {
    return this.#departures.map(({ key }) => key);
  }

  #forget({ index }: Departure): void {
    const last = this.#departures.pop()!;
    if (index === this.#departures.length) return;
    this.#departures[index] = last;
    last.index = index;
  }

  close(): void {
    // A departure that is aborted leaves the list.
    for (const { controller } of this.#departures.slice()) controller.abort(new MillraceError('ERR_SHUTTING_DOWN', 'The proxy stops.'));
  }
}
