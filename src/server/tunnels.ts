/**
 * @module server/tunnels
 * Connections that stop being HTTP: Upgrade (WebSocket) and CONNECT. Once both ends have agreed,
 * bytes pass in both directions untouched and unbuffered.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OriginResponse } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import { completeResponse } from '../http/forwarding.ts';
import type { Admitted, ProxyParts, ReceivedMessage } from '../proxy.ts';
import { type Draining, NodeReply } from './node-reply.ts';

/** What became of it, for the outcome. */
export interface TunnelEnd {
  readonly status: number;
  /** Sent to the client. */
  readonly bytes: number;
}

/** A reply on a connection that node:http has let go of; it is the last one there. */
export function lastReply(request: IncomingMessage, socket: Duplex, state: Draining): NodeReply {
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  response.on('finish', () => (socket as Socket).destroySoon());
  socket.on('drain', () => response.emit('drain'));
  const reply = new NodeReply(response, state);
  reply.closeAfter();
  return reply;
}

/**
 * Asks the origin to switch protocols, and either connects the two or hands its answer to the client.
 * Rejects with a MillraceError as long as nothing is sent.
 */
export async function upgrade(parts: ProxyParts, message: ReceivedMessage, socket: Duplex, head: Buffer, reply: () => NodeReply): Promise<TunnelEnd> {
  const admitted = parts.admit(message);
  if (admitted.kind === 'redirect') throw new MillraceError('ERR_BAD_TARGET', `The request target names no host. Ask for ${admitted.location}.`);
  if (admitted.kind !== 'request') throw new MillraceError('ERR_BAD_TARGET', 'The request target is a page of the proxy itself, and cannot be upgraded.');
  const { target, fields, method } = admitted.request;
  const result = await parts.tunnel.upgrade({ method, target, fields, body: undefined, signal: whileOpen(socket) }, message.fields.get('upgrade') ?? '');
  if (result.kind === 'declined') return decline(result.response, admitted, reply());
  completeResponse(result.fields, result.httpVersion, Date.now());
  admitted.rewrite?.(result.fields);
  let lines = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (const [name, value] of result.fields) lines += `${name}: ${value}\r\n`;
  socket.write(`${lines}\r\n`, 'latin1');
  if (result.head.length > 0) socket.write(result.head);
  return { status: 101, bytes: result.head.length + (await join(socket, head, result.socket)) };
}

/** Opens a connection to where CONNECT points. Rejects with a MillraceError as long as nothing is sent. */
export async function connect(parts: ProxyParts, message: ReceivedMessage, socket: Duplex, head: Buffer): Promise<TunnelEnd> {
  const { host, port } = parts.admitConnect(message.requestTarget);
  const origin = await parts.tunnel.connect(host, port, whileOpen(socket));
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.6
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  return { status: 200, bytes: await join(socket, head, origin) };
}

/** Until both directions have ended, or either connection is gone; the bytes the client got. */
function join(client: Duplex, head: Buffer, origin: Socket): Promise<number> {
  return new Promise((resolve) => {
    origin.on('error', ignore);
    if (head.length > 0) origin.write(head);
    const already = origin.bytesRead;
    client.pipe(origin);
    origin.pipe(client);
    client.on('close', () => origin.destroy());
    origin.on('close', () => {
      // What is on its way still reaches the client, unless the origin broke off.
      if (origin.errored === null) client.end();
      else client.destroy();
      resolve(origin.bytesRead - already);
    });
    if (client.destroyed) origin.destroy();
  });
}

/** The origin answered in HTTP instead. */
async function decline(response: OriginResponse, admitted: Extract<Admitted, { kind: 'request' }>, reply: NodeReply): Promise<TunnelEnd> {
  const { status, fields, body } = response;
  completeResponse(fields, response.httpVersion, Date.now());
  fields.set('X-Cache', 'BYPASS').append('Cache-Status', formatCacheStatus({ fwd: 'request', detail: 'upgrade' }));
  admitted.rewrite?.(fields);
  const length = fields.first('content-length');
  reply.head(status, fields, length === undefined ? undefined : Number(length));
  await new Promise<void>((resolve) => {
    reply.onClose(() => {
      body.abort(new MillraceError('ERR_CLIENT_GONE', 'The client went away before it had the whole response.'));
      resolve();
    });
    body.pipe({
      data: (chunk) => {
        if (reply.write(chunk)) return true;
        reply.onDrain(() => body.resume());
        return false;
      },
      end: (trailers) => {
        reply.end(trailers);
        resolve();
      },
      error: () => {
        reply.abort();
        resolve();
      },
    });
  });
  return { status, bytes: reply.bytesWritten };
}

function whileOpen(socket: Duplex): AbortSignal {
  const controller = new AbortController();
  socket.on('close', () => controller.abort(new MillraceError('ERR_CLIENT_GONE', 'The client went away before the other side had answered.')));
  return controller.signal;
}

function ignore(): void {}
