/**
 * @module server/embedded-pages
 * Embedded-host mode: the page that asks a user whether to go on to a host, and the one that leads there.
 */
import { formatCacheStatus } from '../http/cache-status.ts';
import { Fields } from '../http/fields.ts';
import { escapeHtml, htmlPage } from '../http/html-page.ts';
import type { OwnResponse } from './own-response.ts';

/**
 * Its web origin is its own (`sandbox`), so that no page, from whatever window, can read or follow the
 * link; only its user can.
 * https://html.spec.whatwg.org/multipage/browsers.html#sandboxed-origin-browsing-context-flag
 */
export function askPage(host: string, link: string): OwnResponse {
  const name = escapeHtml(host);
  const body = htmlPage('Another page leads here', `<p>Another web page leads to <b>${name}</b> by way of this proxy. Go on only if you expected that: here the pages of all hosts have one web origin.</p>
<p><a href="${escapeHtml(link)}">Go on to ${name}</a></p>
`);
  return { status: 403, body, fields: fieldsOf(body, 'ask').append('Content-Security-Policy', "sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'") };
}

/**
 * A redirect would still be another page's; what this page does is our own. It leaves the page that
 * opened its window behind.
 * https://html.spec.whatwg.org/multipage/browsers.html#coop-noopener-allow-popups
 */
export function goPage(location: string, cookie: string | undefined): OwnResponse {
  const url = escapeHtml(location);
  const body = htmlPage('Going on', `<meta http-equiv="refresh" content="0; url=${url}">
<p><a href="${url}">Go on</a></p>
`);
  const fields = fieldsOf(body, 'go');
  fields.append('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  fields.append('Cross-Origin-Opener-Policy', 'noopener-allow-popups');
  if (cookie !== undefined) fields.append('Set-Cookie', cookie);
  return { status: 200, body, fields };
}

function fieldsOf(body: Buffer, detail: string): Fields {
  return Fields.of({
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'X-Cache': 'BYPASS',
    'Cache-Status': formatCacheStatus({ detail }),
  });
}
