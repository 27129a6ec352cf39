/**
 * @module server/own-response
 * Responses that come from Millrace itself and not by way of the engine.
 */
import type { Reply } from '../cache/exchange.ts';
import type { MillraceError } from '../errors.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import { Fields } from '../http/fields.ts';
import { problem } from '../http/problem.ts';

export interface OwnResponse {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

/** Writes the whole response. */
export function send(reply: Reply, { status, fields, body }: OwnResponse): void {
  reply.head(status, fields, body.length);
  if (body.length > 0) reply.write(body);
  reply.end();
}

/** The problem a client is told; with the fields that say what the cache had to do with it: nothing. */
export function refusal(error: MillraceError, accept: string | undefined, clientAddress: string | undefined): OwnResponse {
  const { status, fields, body } = problem(error, accept, clientAddress);
  fields.append('X-Cache', 'BYPASS');
  fields.append('Cache-Status', formatCacheStatus({ detail: error.code }));
  return { status, fields, body };
}

/** To the place a browser meant: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.4.8 */
export function redirect(location: string): OwnResponse {
  const fields = Fields.of({ Location: location, 'Cache-Control': 'no-store', 'X-Cache': 'BYPASS', 'Cache-Status': formatCacheStatus({ detail: 'redirect' }) });
  return { status: 307, fields, body: Buffer.alloc(0) };
}
