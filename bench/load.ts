/**
 * @module bench/load
 * Requests at a constant rate, whatever the server does: `node bench/load.ts PORT PATH BODY_LENGTH
 * CONNECTIONS RATE SECONDS [OBJECTS]`. wrk sends the next request when the last one is answered, and so
 * asks least while the server is slowest; here a request is due at its time, and its latency
 * counts from there. With OBJECTS it asks for /object/1 to /object/OBJECTS with Zipf's popularity, as
 * wrk/zipf.lua does. Prints a LoadResult as JSON.
 */
import { Socket } from 'node:net';
import { percentile } from './statistics.ts';
import type { LoadResult } from './wrk.ts';

const [port = 0, , bodyLength = 0, connections = 0, rate = 0, seconds = 0, objects = 0] = process.argv.slice(2).map(Number);
const path = process.argv[3] ?? '/';

const requestFor = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
const request = Buffer.from(requestFor(path), 'latin1');
const shared = Buffer.allocUnsafe(64 * 1024);
/** Seconds that are asked but not counted, in which this program is compiled. */
const WARM_UP = 0.5;
const total = Math.floor(rate * (seconds + WARM_UP));
const uncounted = Math.floor(rate * WARM_UP);
/** Milliseconds, in the order in which they were answered. */
const latencies = new Float64Array(total);
let sent = 0;
let answered = 0;
let bytes = 0;
let failures = 0;

class Client {
  readonly socket: Socket;
  /** When the request was due that is not answered yet. */
  due = 0;
  /** Bytes still to come of the answer; undefined before the end of its head. */
  #left: number | undefined;

  constructor() {
    this.socket = new Socket({ onread: { buffer: shared, callback: (length) => this.#read(length) } });
    this.socket.setNoDelay(true);
    this.socket.on('error', () => failures++);
    this.socket.on('connect', () => idle.push(this));
    this.socket.connect(port, '127.0.0.1');
  }

  send(due: number): void {
    this.due = due;
    this.#left = undefined;
    if (objects === 0) this.socket.write(request);
    else this.socket.write(requestFor(`/object/${Math.floor((objects + 1) ** Math.random())}`), 'latin1');
  }

  #read(length: number): boolean {
    bytes += length;
    // Heads of all rivals fit in one packet, and each is asked for one thing at a time.
    this.#left = this.#left === undefined ? bodyLength - (length - shared.indexOf('\r\n\r\n', 0, 'latin1') - 4) : this.#left - length;
    if (this.#left === 0) {
      latencies[answered++] = performance.now() - this.due;
      idle.push(this);
    } else if (this.#left < 0) failures++;
    return true;
  }
}

/** Milliseconds to connect, and after the last request was due. */
const PATIENCE = 5_000;
const idle: Client[] = [];
const clients = Array.from({ length: connections }, () => new Client());
await untilConnected();
const start = performance.now();
const interval = 1000 / rate;
tick();

async function untilConnected(): Promise<void> {
  const limit = performance.now() + PATIENCE;
  while (idle.length < connections && performance.now() < limit) await new Promise((resolve) => void setTimeout(resolve, 1));
}

/** Never sleeps: a timer of Node is a millisecond late. */
function tick(): void {
  const now = performance.now();
  for (let due = start + sent * interval; due <= now && sent < total; due = start + sent * interval) {
    const client = idle.pop();
    if (client === undefined) break;
    client.send(due);
    sent++;
  }
  if (answered < total && now < start + (seconds + WARM_UP) * 1000 + PATIENCE) setImmediate(tick);
  else report((now - start) / 1000);
}

function report(elapsed: number): void {
  for (const { socket } of clients) socket.destroy();
  const counted = latencies.subarray(uncounted, answered).sort();
  const at = (share: number): number => percentile(counted, share) / 1000;
  const result: LoadResult = { requests: answered, perSecond: answered / elapsed, bytes, p50: at(0.5), p99: at(0.99), max: at(1), failures: failures + total - answered };
  console.log(JSON.stringify(result));
}
