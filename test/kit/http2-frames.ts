/**
 * @module test/kit/http2-frames
 * HTTP/2 byte for byte: frames as a test writes and reads them, sound or not. Fields are written as
 * literals without a table, so that a head is what it looks like.
 * Source: https://www.rfc-editor.org/rfc/rfc9113.html#section-6
 */
import { openRaw } from './client.ts';
import type { RawConnection } from './raw-connection.ts';

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export const TYPE = { data: 0, headers: 1, priority: 2, rstStream: 3, settings: 4, pushPromise: 5, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 } as const;
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ''): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

/** https://www.rfc-editor.org/rfc/rfc7541.html#section-6.2.2; names and values up to 16 KB. */
export function block(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  const length: number[] = [Math.min(bytes.length, 127)];
  for (let rest = bytes.length - 127; rest >= 0; rest = rest < 128 ? -1 : rest >> 7) length.push(rest < 128 ? rest : (rest & 127) | 128);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The fields of a good GET. */
export const GET: readonly (readonly [string, string])[] = [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'localhost']];

export function headers(stream: number, fields: readonly (readonly [string, string])[], flags: number = FLAG.endStream | FLAG.endHeaders): Buffer {
  return frame(TYPE.headers, flags, stream, block(fields));
}

export const SETTINGS: Buffer = frame(TYPE.settings, 0, 0);

/** A connection on which the preface and SETTINGS were sent. */
export async function openFrames(port: number): Promise<RawConnection> {
  const connection = await openRaw(port);
  await connection.send(Buffer.concat([Buffer.from(PREFACE, 'latin1'), SETTINGS]));
  return connection;
}

/** The next frame. Rejects when the peer closes before. */
export async function readFrame(connection: RawConnection): Promise<Frame> {
  const head = await connection.readBytes(9);
  const payload = await connection.readBytes(head.readUIntBE(0, 3));
  return { type: head[3]!, flags: head[4]!, stream: head.readUInt32BE(5), payload };
}

/** The first frame that is wanted; those before it are lost. */
export async function readUntil(connection: RawConnection, isWanted: (one: Frame) => boolean): Promise<Frame> {
  for (;;) {
    const one = await readFrame(connection);
    if (isWanted(one)) return one;
  }
}

/** What became of the stream, or of the connection as a whole: the code of the error, or "answered" when the stream has ended well. */
export async function endOf(connection: RawConnection, stream: number): Promise<number | 'answered' | 'closed'> {
  try {
    const last = await readUntil(connection, ({ type, flags, stream: of }) => type === TYPE.goaway || (of === stream && (type === TYPE.rstStream || ((type === TYPE.data || type === TYPE.headers) && (flags & FLAG.endStream) !== 0))));
    return last.type === TYPE.goaway ? last.payload.readUInt32BE(4) : last.type === TYPE.rstStream ? last.payload.readUInt32BE(0) : 'answered';
  } catch {
    return 'closed';
  }
}
