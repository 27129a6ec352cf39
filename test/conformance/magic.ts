/**
 * @module conformance/magic
 * Values in a case that only become text when it is played: dates relative to now, and locations
 * relative to the case's URL. Origin, client and judge resolve them alike.
 */
import type { CaseRequest, Value } from './cases.ts';

const DATE_FIELDS = new Set(['date', 'expires', 'last-modified', 'if-modified-since', 'if-unmodified-since']);
const LOCATION_FIELDS = new Set(['location', 'content-location']);

/** What the origin said of the response that a value belongs to. */
export interface Moment {
  /** Milliseconds since the epoch; the origin's Server-Now. */
  readonly now: number;
  /** The request target the origin saw; its Server-Base-Url. */
  readonly baseUrl: string;
}

/** The text of a field value in a request or response of that case. */
export function resolve(name: string, value: Value, request: CaseRequest, moment: Moment): string {
  const field = name.toLowerCase();
  if (typeof value === 'number' && DATE_FIELDS.has(field)) {
    const date = new Date(moment.now + value * 1000);
    return request.rfc850date?.includes(field) ? rfc850(date) : date.toUTCString();
  }
  if (request.magic_locations === true && LOCATION_FIELDS.has(field)) {
    return value === '' ? moment.baseUrl : `${moment.baseUrl}/${value}`;
  }
  return String(value);
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function rfc850(date: Date): string {
  const [, day, month, year, time] = date.toUTCString().split(' ');
  return `${DAYS[date.getUTCDay()]}, ${day}-${month}-${year!.slice(-2)} ${time} GMT`;
}
