/**
 * @module conformance/client
 * Sends one request as a fetch in Node would, down to the fields it adds by itself (cases with
 * Vary depend on them), but follows no redirect and keeps nothing.
 */
import { Agent, request as send } from 'node:http';
import type { Interim } from './cases.ts';
import { Fields } from '../../src/http/fields.ts';

/** Milliseconds after which a request is given up. */
const GIVE_UP = 10_000;

/** What a fetch in Node adds where the caller does not say otherwise. */
const FETCH_FIELDS: readonly (readonly [name: string, value: string])[] = [
  ['accept', '*/*'],
  ['accept-language', '*'],
  ['sec-fetch-mode', 'cors'],
  ['user-agent', 'node'],
  ['accept-encoding', 'gzip, deflate'],
];

export interface ClientResponse {
  readonly status: number;
  readonly phrase: string;
  readonly fields: Fields;
  readonly interim: readonly Interim[];
  readonly body: string;
}

export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  /** A repeated name is sent as one line, its values joined by ", ", as fetch does. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body?: string | undefined;
}

class KeptConnectionClosed extends Error {}

export class Client {
  readonly #agent = new Agent({ keepAlive: true });

  /** The fields that go on the wire for a request, in order. */
  wireFields(request: OutgoingRequest): Fields {
    const fields = new Fields();
    for (const [name, value] of request.fields) {
      const trimmed = value.replace(/^[\t ]+|[\t ]+$/g, '');
      const before = fields.get(name);
      fields.set(name, before === undefined ? trimmed : `${before}, ${trimmed}`);
    }
    if (request.body !== undefined && !fields.has('content-type')) fields.append('content-type', 'text/plain;charset=UTF-8');
    for (const [name, value] of FETCH_FIELDS) if (!fields.has(name)) fields.append(name, value);
    fields.lines.unshift('Host', request.url.host);
    if (request.body !== undefined) fields.append('Content-Length', String(Buffer.byteLength(request.body)));
    return fields;
  }

  /**
   * Rejects where no complete response came within ten seconds. A kept connection that the cache
   * closed just as the request was sent is no answer: it is sent again, once, on a new one.
   */
  async send(request: OutgoingRequest): Promise<ClientResponse> {
    try {
      return await this.#attempt(request, this.#agent);
    } catch (error) {
      if (!(error instanceof KeptConnectionClosed)) throw error;
      return this.#attempt(request, false);
    }
  }

  #attempt(request: OutgoingRequest, agent: Agent | false): Promise<ClientResponse> {
    return new Promise((resolve, reject) => {
      const interim: Interim[] = [];
      const { hostname, port, pathname, search } = request.url;
      const outgoing = send({
        agent,
        host: hostname,
        port,
        method: request.method,
        path: pathname + search,
        headers: this.wireFields(request).lines,
      });
      const timer = setTimeout(() => outgoing.destroy(new Error('given up after 10 seconds')), GIVE_UP);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const closed = outgoing.reusedSocket && error.code === 'ECONNRESET' && interim.length === 0;
        fail(closed ? new KeptConnectionClosed(error.message, { cause: error }) : error);
      });
      outgoing.on('information', (info) => interim.push([info.statusCode, pairs(info.rawHeaders)]));
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('error', fail);
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          clearTimeout(timer);
          resolve({
            status: incoming.statusCode ?? 0,
            phrase: incoming.statusMessage ?? '',
            fields: new Fields(incoming.rawHeaders),
            interim,
            body: Buffer.concat(chunks).toString(),
          });
        });
      });
      outgoing.end(request.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function pairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) list.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  return list;
}
