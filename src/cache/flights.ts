/**
 * @module cache/flights
 * The requests to origins that are under way and whose response may be stored: those that others
 * may still board, by flight key and range, and all of them, for purges and for the end.
 */
import { MillraceError } from '../errors.ts';
import { type RequestedRange, contains } from '../policy/requested-range.ts';
import type { Cancel } from './cancel.ts';
import type { FetchPlan, Fetcher } from './fetcher.ts';
import type { Fill } from './fill.ts';
import { Flight } from './flight.ts';
import type { Stamps } from './stamps.ts';

interface Departure {
  readonly key: string;
  readonly range: RequestedRange;
  /** Its place among all of them. */
  index: number;
  /** Undefined once it is over: whoever still knows the departure then keeps nothing else of it alive. */
  flight: Flight | undefined;
  /** Its body, while that is on its way into the store. */
  fill: Fill | undefined;
}

/** Which flight others may board. */
export interface Boarding {
  /** See flightKey(). */
  readonly name: string;
  readonly range: RequestedRange;
}

/** Flights for ranges of one URL that others may board; each look-up goes through all of them. */
const MAX_PARTS = 64;

export class Flights {
  readonly #fetcher: Fetcher;
  readonly #stamps: Stamps;
  /**
   * A Map or Set whose members come and go is built anew all the time, and what an old one held is
   * kept with it until the next full garbage collection. So this one holds no flights themselves:
   * measured, a third of what a miss costs.
   */
  readonly #boarding = new Map<string, Departure>();
  /** Those for ranges. */
  readonly #parts = new Map<string, Departure[]>();
  readonly #departures: Departure[] = [];

  constructor(fetcher: Fetcher, stamps: Stamps) {
    this.#fetcher = fetcher;
    this.#stamps = stamps;
  }

  /**
   * The flight to board, unless what it brings was purged meanwhile: one for the whole, else one for a range that contains what is wanted.
   * @param scopes those that are known beforehand
   * @param past one that turned out to be of no use
   */
  boarding({ name, range }: Boarding, scopes: readonly string[], past?: Flight): Flight | undefined {
    const isUsable = (flight: Flight | undefined): boolean => flight !== undefined && flight !== past && !scopes.some((scope) => this.#stamps.isDead(scope, flight.stamp));
    const whole = this.#boarding.get(name)?.flight;
    if (isUsable(whole)) return whole;
    return this.#parts.get(name)?.find((part) => contains(part.range, range) && isUsable(part.flight))?.flight;
  }

  /** @param boarding where others may board it, until its response is in the store, or known to serve nobody else; undefined: nobody may */
  launch(plan: FetchPlan, cancel: Cancel, boarding: Boarding | undefined): Flight {
    const flight = new Flight(plan.stamp, cancel, (self) => this.#fetcher.fetch(plan, self));
    const departure: Departure = { key: plan.key, index: this.#departures.length, flight, fill: undefined, range: boarding?.range ?? 'other' };
    this.#departures.push(departure);
    if (boarding !== undefined) this.#announce(departure, boarding);
    const over = (): void => this.#forget(departure, boarding?.name);
    flight.landing.then(
      (landing) => {
        flight.hasLanded = true;
        if (landing.kind === 'filling') {
          departure.fill = landing.fill;
          void landing.fill.stored.then(over);
        } else over();
      },
      () => {
        flight.hasLanded = true;
        over();
      },
    );
    return flight;
  }

  /** Ends what a purge has hit on its way into the store, where nobody reads it. */
  endPurged(): void {
    for (const { fill } of this.#departures.slice()) fill?.endIfUnwanted();
  }

  /** The keys of what is being fetched. */
  get keys(): string[] {
    return this.#departures.map(({ key }) => key);
  }

  #announce(departure: Departure, { name, range }: Boarding): void {
    if (range === 'whole') {
      this.#boarding.set(name, departure);
      return;
    }
    const parts = this.#parts.get(name);
    if (parts === undefined) this.#parts.set(name, [departure]);
    else if (parts.length < MAX_PARTS) parts.push(departure);
  }

  #forget(departure: Departure, name: string | undefined): void {
    departure.flight = undefined;
    departure.fill = undefined;
    if (name !== undefined) this.#close(departure, name);
    const { index } = departure;
    const last = this.#departures.pop()!;
    if (index === this.#departures.length) return;
    this.#departures[index] = last;
    last.index = index;
  }

  #close(departure: Departure, name: string): void {
    if (departure.range === 'whole') {
      if (this.#boarding.get(name) === departure) this.#boarding.delete(name);
      return;
    }
    const others = this.#parts.get(name)?.filter((each) => each !== departure) ?? [];
    if (others.length > 0) this.#parts.set(name, others);
    else this.#parts.delete(name);
  }

  close(): void {
    // A departure that is aborted leaves the list.
    for (const { flight } of this.#departures.slice()) flight?.cancel.abort(new MillraceError('ERR_SHUTTING_DOWN', 'The proxy stops.'));
  }
}
