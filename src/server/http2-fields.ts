/**
 * @module server/http2-fields
 * Fields as node:http2 takes them: by name, in lower case, in the order in which the names appear.
 */
import type { OutgoingHttpHeaders } from 'node:http2';

export function noHeaders(): OutgoingHttpHeaders {
  return Object.create(null) as OutgoingHttpHeaders;
}

/** @param name in lower case */
export function addLine(headers: OutgoingHttpHeaders, name: string, value: string): void {
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else if (Array.isArray(before)) before.push(value);
  else headers[name] = [String(before), value];
}
