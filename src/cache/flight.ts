/**
 * @module cache/flight
 * Collapsed forwarding: one request to the origin that several clients wait for.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4
 */
import type { Fields } from '../http/fields.ts';
import { normalisedValue } from '../policy/vary.ts';
import type { ClientRequest, Reply } from './exchange.ts';
import type { Landing } from './fetcher.ts';

export class Flight {
  /** The purge stamp in force when it began: after a purge nobody joins it. */
  readonly stamp: number;
  readonly landing: Promise<Landing>;
  /** Settles when its response is stored, or will not be. Never rejects. */
  readonly over: Promise<unknown>;
  readonly #passengers = new Set<Reply>();

  constructor(stamp: number, fetch: (onInformational: (status: number, fields: Fields) => void) => Promise<Landing>) {
    this.stamp = stamp;
    this.landing = fetch((status, fields) => {
      for (const reply of this.#passengers) reply.informational(status, fields);
    });
    // Each passenger handles the failure; a flight without any has nobody to tell.
    this.over = this.landing.then(
      (landing) => landing.kind === 'filling' && landing.fill.stored,
      () => {},
    );
  }

  /** Interim responses reach the reply from now on. */
  board(reply: Reply): Promise<Landing> {
    this.#passengers.add(reply);
    return this.landing;
  }
}

/**
 * Requests with one flight key may be served by one response, as far as is known beforehand: the same
 * cache key, the same values of the fields that are known to select, and cookies or credentials in
 * all or none of them.
 */
export function flightKey(key: string, request: ClientRequest, names: readonly string[], isPrivate: boolean): string {
  const values = names.map((name) => normalisedValue(request.fields, name));
  return JSON.stringify([key, request.forwardedAs, isPrivate, values]);
}
