/**
 * @module server/node-connection
 * A connection of which node:http reads and answers everything.
 */
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { EncryptedSide, GeneralSide } from './fast/general-side.ts';
import type { NodeLane } from './node.ts';

/** @param socket a request begins with what it brings */
export function giveToNode(socket: Socket, lane: NodeLane, http: HttpServer): void {
  const Side = 'encrypted' in socket ? EncryptedSide : GeneralSide;
  const side = new Side(socket, () => socket.destroy());
  side.on('late', () => lane.expire(side));
  socket
    .on('data', (bytes: Buffer) => side.feed(bytes, side.isRead && lane.isResting(side)))
    .on('end', () => side.feedEnd())
    .on('error', (error) => side.destroy(error))
    .on('timeout', () => side.emit('timeout'))
    .on('close', () => side.destroy());
  http.emit('connection', side);
}
