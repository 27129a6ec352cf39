/**
 * @module policy/uncacheable
 * What a response that was not stored tells about the next response for the same URL. Requests for a
 * URL whose responses are never stored must not wait for one another; a single bad answer must not
 * end collapsed forwarding, or the origin gets every waiting request at once just as it recovers.
 */
import type { Reason } from './reason.ts';
import { isAboutTheRequest } from './status.ts';

/**
 * - `request`: the request ruled out storing; other requests may get a response that is stored.
 * - `failure`: a server error; it tells nothing about the resource.
 * - `answer`: a redirect, a client error, a private response or a new cookie. The next response may differ.
 * - `resource`: a successful response whose own fields rule out storing. The next one will be alike.
 */
export type Cause = 'request' | 'failure' | 'answer' | 'resource';

/** @param reasons why it was not stored, the deciding one first */
export function causeOf(method: string, status: number, reasons: readonly Reason[]): Cause {
  const code = reasons[0]?.code;
  if (method === 'HEAD' || (status < 500 && isAboutTheRequest(status)) || code === 'request-no-store' || code === 'large-request-head' || code === 'partial') return 'request';
  if (status >= 500) return 'failure';
  if (status >= 300 || code === 'private' || code === 'private-in-play') return 'answer';
  return 'resource';
}
