/**
 * @module origin/tunnel
 * Connections that stop being HTTP: Upgrade (WebSocket) and CONNECT. The sockets handed out are
 * the caller's; addresses are checked as for every other request.
 */
import type { Socket } from 'node:net';
import type { OriginRequest, OriginResponse } from '../cache/ports.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { endToEnd } from '../http/hop-by-hop.ts';
import type { OriginClientOptions } from './client.ts';
import { Connector } from './connector.ts';
import { ConnectorAgent, NodeExchange } from './node-exchange.ts';
import type { ResponseLimits } from './response-head.ts';

export type UpgradeResult =
  | {
      readonly kind: 'upgraded';
      /** The fields of the 101 response, complete with Connection and Upgrade. */
      readonly fields: Fields;
      readonly httpVersion: string;
      readonly socket: Socket;
      /** What the origin sent already in the new protocol. */
      readonly head: Buffer;
    }
  /** The origin answered in HTTP, which is its right. */
  | { readonly kind: 'declined'; readonly response: OriginResponse };

export class Tunnel {
  readonly #connector: Connector;
  readonly #limits: ResponseLimits;
  readonly #agents: Readonly<Record<'http' | 'https', ConnectorAgent>>;

  constructor(options: OriginClientOptions) {
    this.#connector = new Connector(options);
    this.#limits = { timeout: options.originTimeout, maxFields: options.maxResponseFields };
    this.#agents = { http: new ConnectorAgent(this.#connector, 'http', { keepAlive: false }), https: new ConnectorAgent(this.#connector, 'https', { keepAlive: false }) };
  }

  /**
   * Asks the origin to switch protocols. Rejects as Origin.fetch does.
   * @param protocol the value of the client's Upgrade field.
   */
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-7.8
  upgrade(request: OriginRequest, protocol: string): Promise<UpgradeResult> {
    return new Promise((resolve, reject) => {
      if (request.signal.aborted) return reject(request.signal.reason);
      new NodeExchange(
        request,
        {
          connection: { agent: this.#agents[request.target.scheme] },
          ...this.#limits,
          upgrade: {
            protocol,
            onUpgrade: (response, socket, head) => {
              const received = new Fields(response.rawHeaders.slice());
              const switched = received.get('upgrade') ?? '';
              if (!isAmong(switched, protocol)) {
                socket.destroy();
                const { host, port } = request.target;
                return reject(new MillraceError('ERR_ORIGIN_RESPONSE', `${host}:${port} switched to the protocol "${switched}", where "${protocol}" was asked for. Correct the origin.`));
              }
              const fields = endToEnd(received).append('Connection', 'Upgrade').append('Upgrade', switched);
              resolve({ kind: 'upgraded', fields, httpVersion: response.httpVersion, socket, head });
            },
          },
        },
        { onResponse: (response) => resolve({ kind: 'declined', response }), onFailure: ({ error }) => reject(error) },
      ).start();
    });
  }

  /** A connection for CONNECT. Rejects with a MillraceError. */
  connect(host: string, port: number, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      this.#connector.connect({ scheme: 'http', host, port }, (error, socket) => {
        if (error !== null) reject(error);
        else if (signal.aborted) {
          socket.destroy();
          reject(new MillraceError('ERR_CLIENT_GONE', 'The client left before its tunnel was open.'));
        } else resolve(socket);
      });
    });
  }
}

/** Whether there are protocols, and all of them were asked for. @param asked the value of the client's Upgrade field */
function isAmong(switched: string, asked: string): boolean {
  const offered = protocolsOf(asked);
  const chosen = protocolsOf(switched);
  return chosen.length > 0 && chosen.every((protocol) => offered.includes(protocol));
}

function protocolsOf(upgrade: string): string[] {
  return upgrade.split(',').map((protocol) => protocol.trim().toLowerCase()).filter((protocol) => protocol !== '');
}
