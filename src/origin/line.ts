/**
 * @module origin/line
 * What undici does not tell about the connection a response came over, but a proxy must know:
 * the HTTP version (for Via), the bytes of the head (see head-watch), and whether a request died on a reused connection before any answer
 * (it may be sent once more).
 */
import type { Socket } from 'node:net';
import { Client } from 'undici';
import type { Dispatcher } from 'undici';
import type { ConnectCallback, Connector } from './connector.ts';
import { HeadWatch } from './head-watch.ts';

/** One client of a pool, and so one connection at a time. */
export class Line {
  #socket: Socket | undefined;
  #requests = 0;
  #bytesBefore = 0;
  #httpVersion: string | undefined;
  /** Of the response that comes, or came last. */
  head = new HeadWatch();

  /** A server speaks one version on a connection; the first bytes it sends tell it. */
  get httpVersion(): string {
    return this.#httpVersion ?? '1.1';
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    this.#requests = 0;
    this.#httpVersion = undefined;
    const read = socket.read.bind(socket);
    socket.read = (size?: number): Buffer | null => {
      const chunk = read(size) as Buffer | null;
      if (chunk !== null) {
        this.#httpVersion ??= chunk.toString('latin1', 0, 8) === 'HTTP/1.0' ? '1.0' : '1.1';
        this.head.push(chunk);
      }
      return chunk;
    };
  }

  /** A request is about to be written. */
  requestStarts(): void {
    this.#requests++;
    this.head = new HeadWatch();
    this.#bytesBefore = this.#socket?.bytesRead ?? 0;
  }

  /** The connection had served before, and not a byte has come since this request was sent. */
  get wentStale(): boolean {
    return this.#requests > 1 && this.#socket?.bytesRead === this.#bytesBefore;
  }
}

/** A request that wants to know its line. */
export interface LineHandler extends Dispatcher.DispatchHandler {
  line: Line | undefined;
}

/** An undici client that opens its connections through the connector and tells each request its line. */
export class LineClient extends Client {
  readonly #line: Line;

  constructor(origin: string | URL, options: Client.Options, connector: Connector) {
    const line = new Line();
    super(origin, {
      ...options,
      connect: ({ protocol, hostname, port }, callback) => {
        const scheme = protocol === 'https:' ? 'https' : 'http';
        const opened: ConnectCallback = (error, socket) => {
          if (error !== null) return callback(error, null);
          line.opened(socket);
          callback(null, socket);
        };
        connector.connect({ scheme, host: hostname, port: Number(port) || (scheme === 'https' ? 443 : 80) }, opened);
      },
    });
    this.#line = line;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: LineHandler): boolean {
    handler.line = this.#line;
    return super.dispatch(options, handler);
  }
}
