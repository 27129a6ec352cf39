/**
 * @module http/proxy-status
 * The Proxy-Status member that tells the intermediaries before us what went wrong here.
 * Source: https://www.rfc-editor.org/rfc/rfc9209.html#section-2
 */
import { formatInteger, formatString, formatTokenOrString } from './structured.ts';

export interface ProxyStatus {
  /** The proxy error type: https://www.rfc-editor.org/rfc/rfc9209.html#section-2.3 */
  readonly error?: string | undefined;
  /** The origin that was asked: a host name, an address, an alias. */
  readonly nextHop?: string | undefined;
  /** The status the origin answered with. */
  readonly receivedStatus?: number | undefined;
  /** What the error type does not say, in words. */
  readonly details?: string | undefined;
}

/** The member, its parameters in the order of the RFC. */
export function formatProxyStatus(status: ProxyStatus): string {
  let member = 'Millrace';
  if (status.error !== undefined) member += `;error=${formatTokenOrString(status.error)}`;
  if (status.nextHop !== undefined) member += `;next-hop=${formatTokenOrString(status.nextHop)}`;
  if (status.receivedStatus !== undefined) member += `;received-status=${formatInteger(status.receivedStatus)}`;
  if (status.details !== undefined) member += `;details=${formatString(status.details)}`;
  return member;
}
