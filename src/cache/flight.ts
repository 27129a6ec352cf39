/**
 * @module cache/flight
 * Collapsed forwarding: one request to the origin that several clients wait for.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4
 */
import type { Fields } from '../http/fields.ts';
import { SelectingFields, requestedNames } from '../policy/vary.ts';
import type { Cancel } from './cancel.ts';
import type { ClientRequest, Reply } from './exchange.ts';
import type { Landing } from './fetcher.ts';

/** Who waits for it. */
type Passenger = Pick<Reply, 'informational'>;

export class Flight {
  /** The purge stamp in force when it began: after a purge nobody joins it. */
  readonly stamp: number;
  /** Calls it off. */
  readonly cancel: Cancel;
  readonly landing: Promise<Landing>;
  /** The origin has answered, or will not. */
  hasLanded = false;
  readonly #passengers: Passenger[] = [];

  constructor(stamp: number, cancel: Cancel, fetch: (flight: Flight) => Promise<Landing>) {
    this.stamp = stamp;
    this.cancel = cancel;
    this.landing = fetch(this);
  }

  /** Settles when its response is stored, or will not be. Never rejects. */
  get over(): Promise<unknown> {
    // Each passenger handles the failure; a flight without any has nobody to tell.
    return this.landing.then(
      (landing) => landing.kind === 'filling' && landing.fill.stored,
      () => {},
    );
  }

  /** Interim responses reach the passenger from now on. */
  board(passenger: Passenger): Promise<Landing> {
    this.#passengers.push(passenger);
    return this.landing;
  }

  informational(status: number, fields: Fields): void {
    for (const passenger of this.#passengers) passenger.informational(status, fields);
  }
}

/**
 * Requests with one flight key may be served by one response, as far as is known beforehand: the same
 * cache key, the same values of the fields that are known to select, and cookies or credentials in
 * all or none of them.
 */
export function flightKey(key: string, request: ClientRequest, names: readonly string[], isPrivate: boolean): string {
  // No part has a line feed in it.
  let name = `${key}\n${request.forwardedAs}\n${isPrivate ? 'private' : ''}`;
  const requested = requestedNames(request.fields);
  const all = requested === '*' || requested.length === 0 ? names : [...new Set([...names, ...requested])];
  if (all.length === 0) return name;
  const fields = new SelectingFields(request.fields);
  for (const selecting of all) {
    const value = fields.value(selecting);
    name += value === null ? '\n' : `\n=${value}`;
  }
  return name;
}
