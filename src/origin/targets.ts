/**
 * @module origin/targets
 * From what a client asks for to where the request goes. Two kinds: one fixed origin (fixed-origin),
 * or the host named in the path or in an absolute URL (embedded-host).
 */
import { isIP } from 'node:net';
import type { Target } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { ProxyMode } from '../http/forwarding.ts';
import { canonicalHost } from './address.ts';

export interface TargetRequest {
  readonly method: string;
  /** As it stands in the request line; bytes as latin1. Any of the forms of RFC 9112 §3.2 but authority-form. */
  readonly requestTarget: string;
  /** For Host and Referer. */
  readonly fields: Fields;
}

export type Resolution =
  | {
      readonly kind: 'target';
      readonly target: Target;
      readonly mode: ProxyMode;
      /** Changes the fields of a response on its way to this client, so that a browser stays in the proxy. Not to be stored. */
      readonly rewrite?: (fields: Fields) => void;
      /** Changes the fields of the request on its way to the origin. */
      readonly toOrigin?: (fields: Fields) => void;
    }
  /** To be answered with 307 (the method stays), Cache-Control: no-store and this Location. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** To be answered with a page that asks the user whether to go on to that host, by following the link. */
  | { readonly kind: 'ask'; readonly host: string; readonly link: string }
  /** That link was followed: to be answered with a page that leads there, and sets the cookie. */
  | { readonly kind: 'go'; readonly location: string; readonly cookie: string | undefined };

export interface Targets {
  /** Throws ERR_BAD_TARGET, ERR_HOST_DENIED, ERR_CROSS_SITE or ERR_LOOP. */
  resolve(request: TargetRequest): Resolution;
}

/** Host and port out of `host[:port]`; undefined where it is neither. The host is canonical. */
export function parseAuthority(text: string): { host: string; port: number | undefined } | undefined {
  const match = /^([^:[\]]+|\[[^\]]*\])(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const host = canonicalHost(match[1]!);
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (host === undefined || port === 0 || (port !== undefined && port > 65535)) return undefined;
  return { host, port };
}

export function makeTarget(scheme: 'http' | 'https', host: string, port: number, path: string): Target {
  const bracketed = isIP(host) === 6 ? `[${host}]` : host;
  const authority = port === (scheme === 'https' ? 443 : 80) ? bracketed : `${bracketed}:${port}`;
  return { scheme, host, port, authority, path };
}

/** An absolute-form request target (RFC 9112 §3.2.2) in its parts, the path as it was written. */
export function parseAbsoluteForm(requestTarget: string): { scheme: 'http' | 'https'; host: string; port: number; path: string } | undefined {
  const match = /^(https?):\/\/([^/?]*)(.*)$/is.exec(requestTarget);
  if (match === null) return undefined;
  const scheme = match[1]!.toLowerCase() as 'http' | 'https';
  const authority = parseAuthority(match[2]!);
  if (authority === undefined) return undefined;
  const path = match[3]!.startsWith('/') ? match[3]! : `/${match[3]!}`;
  return { scheme, host: authority.host, port: authority.port ?? (scheme === 'https' ? 443 : 80), path };
}

/** Throws ERR_BAD_TARGET for what cannot stand in a request line, or would be cut off on the way (`#`). */
export function checkCharacters(requestTarget: string): void {
  if (/^[!-"$-~\x80-\xff]+$/.test(requestTarget)) return;
  throw badTarget('holds a character that may not stand in a URL (a space, a control character or "#"). Percent-encode it.');
}

export function badTarget(what: string): MillraceError {
  return new MillraceError('ERR_BAD_TARGET', `The request target ${what}`);
}
