/**
 * @module server/node-server
 * The server of node:http that the general lane answers for.
 */
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GeneralSide } from './fast/general-side.ts';
import type { NodeLane } from './node.ts';
import { MAX_HEAD, hasBody } from './request-check.ts';
import { HEAD_TIMEOUT, KEEP_ALIVE_TIMEOUT } from './timeouts.ts';

/** A server of node:http whose every event goes to the lane. */
export function createNodeServer(lane: NodeLane): Server {
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEAD,
    headersTimeout: HEAD_TIMEOUT,
    // A whole request may take as long as it likes, as long as it moves (see RequestBody).
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
    connectionsCheckingInterval: 5_000,
    // The lane answers for it, with the words a problem has.
    requireHostHeader: false,
    shouldUpgradeCallback: (request) => mayUpgrade(request) && !lane.isAdmin(request.url!),
  });
  // By default node silently drops what is past the thousandth line; the lane refuses a request that has too many.
  server.maxHeadersCount = 0;
  // A client may end its side of the connection after its request, and still read the response. Node has no option for that.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket) => lane.connection(socket));
  server.on('request', (request, response) => lane.request(withMethod(request), response));
  server.on('checkContinue', (request, response) => lane.checkContinue(withMethod(request), response));
  server.on('checkExpectation', (request, response) => lane.checkExpectation(withMethod(request), response));
  server.on('upgrade', (request, socket, head) => lane.upgrade(request, socket, head));
  server.on('connect', (request, socket, head) => lane.connect(request, socket, head));
  server.on('clientError', (error, socket) => lane.clientError(error, socket as Socket));
  return server;
}

/** With the method that it came with; see methods.ts. */
function withMethod(request: IncomingMessage): IncomingMessage {
  const { socket } = request as { socket: Duplex };
  const method = socket instanceof GeneralSide ? socket.headRead(request.headers) : undefined;
  if (method !== undefined) request.method = method;
  return request;
}

/**
 * A request to switch that is not followed is an ordinary one. HTTP/2 is no protocol the origin could
 * speak to the client through us, and would pass by the cache.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-7.8
 */
function mayUpgrade(request: IncomingMessage): boolean {
  return request.httpVersion === '1.1' && request.method === 'GET' && !hasBody(request) && !/\b(?:h2c?|tls|http)\b/i.test(request.headers.upgrade ?? '');
}
