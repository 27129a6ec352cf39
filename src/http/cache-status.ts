/**
 * @module http/cache-status
 * The member that Millrace adds to Cache-Status. Every response carries one, so it is put together
 * from strings rather than by a library.
 * Source: https://www.rfc-editor.org/rfc/rfc9211.html#section-2
 */
import { formatInteger, formatString, formatTokenOrString } from './structured.ts';

/** Why a request went forward: https://www.rfc-editor.org/rfc/rfc9211.html#section-2.2 */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';

export interface CacheStatus {
  /** Answered without going forward; then `fwd` is not given. */
  readonly hit?: boolean | undefined;
  readonly fwd?: ForwardReason | undefined;
  /** The status that came back from going forward; needed only where it is not that of the response. */
  readonly fwdStatus?: number | undefined;
  /** Seconds of freshness left; negative where stale. */
  readonly ttl?: number | undefined;
  readonly stored?: boolean | undefined;
  readonly collapsed?: boolean | undefined;
  readonly key?: string | undefined;
  /** Anything else: a token stays one, other text becomes a string. */
  readonly detail?: string | undefined;
}

/** The member, its parameters in the order of the RFC. */
export function formatCacheStatus(status: CacheStatus): string {
  let member = 'Millrace';
  if (status.hit === true) member += ';hit';
  if (status.fwd !== undefined) member += `;fwd=${status.fwd}`;
  if (status.fwdStatus !== undefined) member += `;fwd-status=${formatInteger(status.fwdStatus)}`;
  if (status.ttl !== undefined) member += `;ttl=${formatInteger(status.ttl)}`;
  if (status.stored === true) member += ';stored';
  if (status.collapsed === true) member += ';collapsed';
  if (status.key !== undefined) member += `;key=${formatString(status.key)}`;
  if (status.detail !== undefined) member += `;detail=${formatTokenOrString(status.detail)}`;
  return member;
}
