/**
 * @module origin/embedded-access
 * Embedded-host mode: whether a browser gets what its page asks for. The pages of all hosts have one
 * web origin, and any web page can send the browser here, so the proxy keeps apart what the browser
 * does not: a page of another site gets nothing, and a page of one host nothing of another that is
 * on this machine or in a private network.
 *
 * A Referer is no proof of where a page is: a page can set it to any path of its web origin. So a
 * private host moreover has to have been opened in that browser by its user, who typed its URL or
 * followed the link of a page of our own; a sealed cookie says so.
 * Source: https://www.w3.org/TR/fetch-metadata/
 */
import type { Target } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import { isPrivateHost } from './address.ts';
import type { EmbeddedPath } from './embedded-path.ts';

export interface EmbeddedRequest {
  readonly method: string;
  readonly fields: Fields;
  readonly target: Target;
  /** The host of the page that it comes from, as its Referer says. */
  readonly page: EmbeddedPath | undefined;
  /** A redirect of another host leads there, whoever began it. */
  readonly isLed: boolean;
  /** The user has opened the target's host in this browser. */
  readonly hasOpened: boolean;
}

/** 'open': it is served, and the user has thereby opened that host. 'ask': the user decides. */
export type Access = 'serve' | 'open' | 'ask';

/** Throws ERR_CROSS_SITE. */
export function accessOf(request: EmbeddedRequest): Access {
  const { method, fields, target, page, isLed, hasOpened } = request;
  const isTop = fields.first('sec-fetch-mode') === 'navigate' && fields.first('sec-fetch-dest') === 'document';
  const mayAsk = isTop && (method === 'GET' || method === 'HEAD');
  // A worker would answer for the pages of all hosts. https://w3c.github.io/ServiceWorker/#service-worker-script-request
  if (fields.has('service-worker') || fields.first('sec-fetch-dest') === 'serviceworker') throw denied('service workers cannot be kept to one host, and are refused');
  const site = siteOf(fields);
  switch (site !== undefined && isLed ? 'led' : site) {
    case undefined:
      return 'serve';
    case 'none':
      return isTop && isPrivateHost(target.host) ? 'open' : 'serve';
    case 'same-origin': {
      if (!isPrivateHost(target.host)) return 'serve';
      const isOwn = page !== undefined && page.host === target.host && page.port === target.port;
      // A browser tells no Referer with a WebSocket, nor after it was asked to withhold it.
      if (hasOpened && (isOwn || (page === undefined && (isTop || isWebSocket(fields))))) return 'serve';
      if (mayAsk) return 'ask';
      throw denied(`a page of another host asked for ${target.authority}, which is on this machine or in a private network. Open http://${fields.first('host') ?? 'localhost'}/${target.authority}/ in the browser first; its own pages can then load from it`);
    }
    default:
      if (mayAsk) return 'ask';
      throw denied(isLed ? `another host redirected it to ${target.authority}, which is on this machine or in a private network` : 'a page of another site sent it');
  }
}

/** Undefined where no browser tells. With a WebSocket some tell nothing but the Origin. */
function siteOf(fields: Fields): string | undefined {
  const site = fields.first('sec-fetch-site');
  const origin = fields.first('origin');
  if (site !== undefined || origin === undefined || !isWebSocket(fields)) return site;
  return /^https?:\/\/(.*)$/i.exec(origin)?.[1]?.toLowerCase() === fields.first('host')?.toLowerCase() ? 'same-origin' : 'cross-site';
}

function isWebSocket(fields: Fields): boolean {
  return fields.has('sec-websocket-key') || fields.first('sec-fetch-mode') === 'websocket';
}

function denied(why: string): MillraceError {
  return new MillraceError('ERR_CROSS_SITE', `The request is refused: ${why}.`);
}
