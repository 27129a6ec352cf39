/**
 * @module stores/memcached-connection
 * One connection to Memcached, in its meta protocol: commands go out one after the other, and answers
 * come in the same order.
 * Source: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 */
import { type Socket, connect } from 'node:net';

export interface MemcachedReply {
  /** HD: done; VA: a value; EN, NF: nothing there; NS, EX: not stored, as another was faster; MN: no-op; END: figures, in `flags`. */
  readonly code: string;
  /** What follows the code, and for VA the size. */
  readonly flags: readonly string[];
  readonly value: Buffer | undefined;
}

/** It is there, and says no. */
export class MemcachedRefusal extends Error {}

/** Answers that are awaited at most. */
const MOST_WAITING = 20_000;
const CRLF = Buffer.from('\r\n');
/** Longer lines are none of a server's that is Memcached. */
const LONGEST_LINE = 2048;
/** Nor are longer values ours: an object is a chunk, or a description with at most 64 KB of body. */
const LONGEST_VALUE = 16 * 1024 * 1024;
const MOST_FIGURES = 10_000;

export class MemcachedConnection {
  readonly #socket: Socket;
  readonly #waiting: PromiseWithResolvers<MemcachedReply>[] = [];
  #chunks: Buffer[] = [];
  #length = 0;
  /** Lines of an answer that has several. */
  readonly #figures: string[] = [];
  /** Bytes that have to be there before it is worth a look. */
  #wanted = 0;
  #isLost = false;

  /** Settles when it is connected. */
  static async open(host: string, port: number, limit: number, onLost: (error: Error) => void): Promise<MemcachedConnection> {
    const socket = connect({ host, port, noDelay: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('it does not answer')), limit);
    socket.once('connect', resolve);
    socket.once('error', reject);
    try {
      await promise;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    return new MemcachedConnection(socket, onLost);
  }

  private constructor(socket: Socket, onLost: (error: Error) => void) {
    this.#socket = socket;
    const lost = (error: Error): void => {
      if (this.#isLost) return;
      this.#isLost = true;
      socket.destroy();
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      onLost(error);
    };
    socket.on('error', lost);
    socket.on('close', () => lost(new Error('the connection was closed')));
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#take(chunk);
      } catch (error) {
        lost(error as Error);
      }
    });
  }

  /** Rejects with a MemcachedRefusal, or because the connection was lost. */
  send(line: string, value?: Buffer): Promise<MemcachedReply> {
    if (this.#isLost || this.#waiting.length >= MOST_WAITING) return Promise.reject(new Error('not connected'));
    const answer = Promise.withResolvers<MemcachedReply>();
    this.#waiting.push(answer);
    this.#socket.write(value === undefined ? `${line}\r\n` : Buffer.concat([Buffer.from(`${line}\r\n`), value, CRLF]));
    return answer.promise;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return;
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (let used = this.#takeOne(bytes); used > 0; used = this.#takeOne(bytes)) bytes = bytes.subarray(used);
    this.#chunks = bytes.length > 0 ? [bytes] : [];
    this.#length = bytes.length;
  }

  /** How many bytes the first answer has; 0 where it is not whole. */
  #takeOne(bytes: Buffer): number {
    this.#wanted = 0;
    const end = bytes.indexOf(CRLF);
    if (end === -1) {
      if (bytes.length > LONGEST_LINE) throw new Error('it does not speak the protocol of Memcached');
      return 0;
    }
    const line = bytes.toString('latin1', 0, end);
    const [code = '', ...rest] = line.split(' ');
    const start = end + CRLF.length;
    if (code === 'STAT') {
      if (this.#figures.length === MOST_FIGURES) throw new Error('it does not speak the protocol of Memcached');
      this.#figures.push(rest.join(' '));
      return start;
    }
    if (code === 'END') {
      this.#waiting.shift()?.resolve({ code, flags: this.#figures.splice(0), value: undefined });
      return start;
    }
    if (code !== 'VA') {
      const waiting = this.#waiting.shift();
      if (/^(?:CLIENT_ERROR|SERVER_ERROR|ERROR)$/u.test(code)) waiting?.reject(new MemcachedRefusal(line));
      else waiting?.resolve({ code, flags: rest, value: undefined });
      return start;
    }
    const size = Number(rest[0]);
    if (!Number.isSafeInteger(size) || size < 0 || size > LONGEST_VALUE) throw new Error('it does not speak the protocol of Memcached');
    const whole = start + size + CRLF.length;
    if (bytes.length < whole) {
      this.#wanted = whole;
      return 0;
    }
    // A copy: what was read with it must not be kept with it.
    this.#waiting.shift()?.resolve({ code, flags: rest.slice(1), value: Buffer.from(bytes.subarray(start, start + size)) });
    return whole;
  }
}
