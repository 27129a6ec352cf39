/**
 * @module server/handed
 * What a program knows of a request that it hands to the proxy, where the server is the program's.
 */
import { Readable } from 'node:stream';
import type { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import type { ReceivedMessage } from '../proxy.ts';

export interface Handed {
  /** In place of the body that came, which somebody else has read. */
  readonly body?: { readonly bytes: Buffer; readonly fields: Fields } | undefined;
  /** See ReceivedMessage. */
  readonly mountPath?: string | undefined;
  /** The error to answer with, whatever the request says. */
  readonly refused?: MillraceError | undefined;
  /** Answers in the place of an error page of ours. */
  readonly onFailure?: ((error: MillraceError) => void) | undefined;
}

/** @param message as it came, without a body where that was read */
export function withHanded(message: ReceivedMessage, { body, mountPath }: Handed): ReceivedMessage {
  if (body === undefined && !mountPath) return message;
  return { ...message, ...(body && { fields: body.fields, body: Readable.from([body.bytes], { objectMode: false }) }), mountPath };
}
