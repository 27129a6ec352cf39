/**
 * @module http/problem
 * The response for an error Millrace makes itself: problem details in JSON, or a small page
 * where the client prefers one.
 * Source: https://www.rfc-editor.org/rfc/rfc9457.html#section-3
 */
import type { MillraceError } from '../errors.ts';
import { Fields } from './fields.ts';
import { escapeHtml, htmlPage } from './html-page.ts';
import { Networks } from './networks.ts';
import { formatProxyStatus } from './proxy-status.ts';
import { parseWeighted, type Weighted } from './weighted.ts';

/** Seconds: what is too much now may be over soon. */
const RETRY_AFTER = '5';

export interface Problem {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

/**
 * It never throws; an error of a kind that has no status is answered with 500.
 * @param accept the request's Accept
 * @param clientAddress undefined or empty: unknown
 */
export function problem(error: MillraceError, accept: string | undefined, clientAddress: string | undefined): Problem {
  const { status: kindStatus, proxyStatus } = error.kind;
  const status = kindStatus === 0 ? 500 : kindStatus;
  const asPage = prefersHtml(accept);
  const words = wordsFor(error, clientAddress);
  const body = asPage ? page(error, status, words) : Buffer.from(details(error, status, words));
  const fields = Fields.of({
    'Content-Type': asPage ? 'text/html; charset=utf-8' : 'application/problem+json',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    // The message can repeat parts of the request: no browser shall read it as anything that acts.
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
  });
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3
  if (status === 503) fields.append('Retry-After', RETRY_AFTER);
  if (proxyStatus !== undefined) fields.append('Proxy-Status', formatProxyStatus({ error: proxyStatus, details: words }));
  return { status, fields, body };
}

const LOOPBACK = new Networks(['127.0.0.0/8', '::1']);

/**
 * What a client is told. Of a failed origin or a defect nothing but the kind: the message names addresses of
 * inner networks, files and such. What is for the operator, only on the same machine. The log has all of it.
 * Source: https://www.rfc-editor.org/rfc/rfc9209.html#section-4
 */
function wordsFor({ kind: { source, title }, code, message, publicMessage }: MillraceError, clientAddress: string | undefined): string {
  if (source === 'origin' || code === 'ERR_INTERNAL') return `${title}.`;
  return clientAddress !== undefined && LOOPBACK.has(clientAddress) ? message : publicMessage;
}

function details(error: MillraceError, status: number, words: string): string {
  const { title, retryable } = error.kind;
  // The type names the kind of problem; it is an identifier, not an address to fetch.
  return `${JSON.stringify({ type: `urn:millrace:error:${error.code}`, title, status, detail: words, code: error.code, retryable }, null, 2)}\n`;
}

function page(error: MillraceError, status: number, words: string): Buffer {
  const { title, retryable } = error.kind;
  return htmlPage(`${status} ${title}`, `<p>${escapeHtml(words)}</p>
${retryable ? '<p>This may pass: try again in a moment.</p>\n' : ''}<footer>Millrace, ${status}, ${error.code}</footer>
`);
}

/** Whether a page weighs more than JSON. A browser names text/html; the wildcard that curl sends weighs both the same. */
function prefersHtml(accept: string | undefined): boolean {
  const ranges = parseWeighted(accept ?? '');
  return weightOf('text/html', ranges) > Math.max(weightOf('application/problem+json', ranges), weightOf('application/json', ranges));
}

/** The weight of the most specific range that has the type: https://www.rfc-editor.org/rfc/rfc9110.html#section-12.5.1-18 */
function weightOf(type: string, ranges: readonly Weighted[]): number {
  const family = `${type.slice(0, type.indexOf('/'))}/*`;
  const range = [type, family, '*/*'].map((wanted) => ranges.find(({ value }) => value === wanted)).find((found) => found !== undefined);
  return range?.q ?? 0;
}
