/**
 * @module server/max-forwards
 * TRACE and OPTIONS count the proxies they may still pass; at 0 the proxy answers itself.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.2
 */
import { Fields } from '../http/fields.ts';
import { isCredential } from '../policy/credentials.ts';

export interface OwnAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, QUERY';

/** The answer where the request ends here; else undefined, with the count in `fields` one lower. */
export function answerAsLast(method: string, requestTarget: string, fields: Fields): OwnAnswer | undefined {
  if (method !== 'TRACE' && method !== 'OPTIONS') return undefined;
  // Not reflected by anyone: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.8
  if (method === 'TRACE') for (const name of fields.names()) if (isCredential(name)) fields.delete(name);
  const value = fields.get('max-forwards');
  if (value === undefined || !/^\d{1,15}$/.test(value)) return undefined;
  const left = Number(value);
  if (left > 0) {
    fields.set('Max-Forwards', String(left - 1));
    return undefined;
  }
  if (method === 'OPTIONS') return { status: 200, fields: Fields.of({ Allow: METHODS }), body: Buffer.alloc(0) };
  let message = `TRACE ${requestTarget} HTTP/1.1\r\n`;
  for (const [name, line] of fields) message += `${name}: ${line}\r\n`;
  return { status: 200, fields: Fields.of({ 'Content-Type': 'message/http', 'Cache-Control': 'no-store' }), body: Buffer.from(`${message}\r\n`, 'latin1') };
}
