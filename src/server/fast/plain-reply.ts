/**
 * @module server/fast/plain-reply
 * Writes the response to a plain request straight to the client's socket: the bytes that node:http
 * would write (see ../node-reply), without its parser, its messages and its streams on the way.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply } from '../../cache/exchange.ts';
import type { Lender } from '../../cache/ports.ts';
import { formatHttpDate } from '../../http/date.ts';
import type { Fields } from '../../http/fields.ts';
import { Callbacks } from '../callbacks.ts';
import { endToEndLines, headText, mayHaveBody } from '../head-lines.ts';
import type { Answering } from '../node.ts';
import { type Draining, HALF_CLOSED, STALLED } from '../node-reply.ts';

/** What all replies of a lane have in common. */
export interface ReplyLane extends Draining {
  /** How a head ends after which the connection stays: Connection, Keep-Alive. */
  readonly keepAliveLines: string;
  /** Calls flush() once what is ready of the body has had the time to come along with the head. */
  flushLater(reply: PlainReply): void;
}

/** Bytes of body up to which they are copied, to leave together with what stands around them. */
const ONE_PIECE = 16 * 1024;

export class PlainReply implements Reply, Answering {
  readonly requestComplete = true;
  readonly #socket: Socket;
  readonly #lane: ReplyLane;
  readonly #isHead: boolean;
  readonly #onOver: () => void;
  /** What was not written yet. */
  #head = '';
  #headSent = false;
  #isLast = false;
  #saidClose = false;
  #mayHaveBody = true;
  #length: number | undefined;
  #chunked = false;
  #trailersAnnounced = false;
  #bytes = 0;
  #ended = false;
  #over = false;
  #closed = false;
  #hasTimeout = false;
  #isHalfClosed = false;
  /** Chunks that the socket may still read, and whose they are. */
  #untaken: Buffer[] = [];
  #lender: Lender | undefined;
  readonly #onceDrained = new Callbacks();
  readonly #onceClosed = new Callbacks();

  /** @param onOver called once when the client has taken all of it, or as much as the system holds for it */
  constructor(socket: Socket, lane: ReplyLane, isHead: boolean, onOver: () => void) {
    this.#socket = socket;
    this.#lane = lane;
    this.#isHead = isHead;
    this.#onOver = onOver;
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  /** Its head said that the connection ends with it. */
  get saidClose(): boolean {
    return this.#saidClose;
  }

  closeAfter(): void {
    this.#isLast = true;
  }

  /** The client has ended its side of the connection, and may still read. */
  clientEnded(): void {
    this.#isHalfClosed = true;
    if (this.#headSent) this.#limitSilence();
  }

  informational(status: number, fields: Fields): void {
    // Nobody waits here for 100 (Continue), and nothing was asked to switch.
    if (this.#closed || this.#headSent || status === 100 || status === 101) return;
    // Nor does anybody depend on it; an origin that sends them without end would fill the memory behind a client that does not read.
    if (this.#socket.writableNeedDrain) return;
    this.#socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n${text(endToEndLines(fields))}\r\n`, 'latin1');
  }

  head(status: number, fields: Fields, length: number | undefined): void {
    if (this.#closed || this.#headSent) return;
    this.#headSent = true;
    this.#mayHaveBody = mayHaveBody(this.#isHead, status);
    this.#chunked = this.#mayHaveBody && length === undefined;
    this.#length = this.#mayHaveBody ? length : undefined;
    this.#trailersAnnounced = fields.has('trailer');
    this.#saidClose = this.#isLast || this.#lane.draining;
    // In the order of node:http.
    let head = statusLine(status) + headText(this.#isHead, status, fields, length, this.#chunked, this.#saidClose ? 'Connection: close\r\n' : '', dateNow);
    if (!this.#saidClose) head += this.#lane.keepAliveLines;
    if (this.#chunked) head += 'Transfer-Encoding: chunked\r\n';
    this.#head = `${head}\r\n`;
    if (this.#isHalfClosed) this.#limitSilence();
    this.#lane.flushLater(this);
  }

  /** Sends the head where no body came along with it: the client of an event stream waits for it. */
  flush(): void {
    if (this.#head === '' || this.#closed) return;
    this.#socket.write(this.#takeHead(), 'latin1');
  }

  write(chunk: Buffer, lender?: Lender): boolean {
    // An empty chunk would be the last one.
    if (this.#closed || this.#ended || !this.#mayHaveBody || chunk.length === 0 || this.#hasLeft()) return true;
    if (this.#length !== undefined && this.#bytes + chunk.length > this.#length) {
      this.abort();
      return true;
    }
    this.#bytes += chunk.length;
    this.#giveBack();
    const goesOn = this.#send(chunk);
    if (lender !== undefined) {
      this.#untaken.push(chunk);
      this.#lender = lender;
      this.#giveBack();
    }
    if (goesOn || this.#socket.writableLength === 0) return true;
    this.#hasTimeout = true;
    // Node refreshes it as long as bytes leave.
    this.#socket.setTimeout(STALLED);
    return false;
  }

  onDrain(callback: () => void): void {
    if (this.#closed || !this.#socket.writableNeedDrain) queueMicrotask(callback);
    else this.#onceDrained.add(callback);
  }

  end(trailers?: Fields): void {
    if (this.#closed || this.#ended || this.#hasLeft()) return;
    if (this.#length !== undefined && this.#bytes !== this.#length) {
      this.abort();
      return;
    }
    this.#ended = true;
    this.#onceClosed.drop();
    if (this.#chunked) {
      const lines = trailers !== undefined && this.#trailersAnnounced ? text(endToEndLines(trailers)) : '';
      this.#socket.write(`${this.#takeHead()}0\r\n${lines}\r\n`, 'latin1', this.#untaken.length > 0 ? () => this.#giveBack() : undefined);
    } else this.flush();
    if (!this.#socket.writableNeedDrain) this.#finish();
  }

  abort(): void {
    if (this.#closed || this.#over) return;
    this.#closed = true;
    // What is already written leaves in this turn of the loop; the client sees how far it came.
    setImmediate(() => this.#socket.destroy());
  }

  onClose(callback: () => void): void {
    if (this.#closed) queueMicrotask(callback);
    else this.#onceClosed.add(callback);
  }

  /** The client takes more. */
  drained(): void {
    this.#giveBack();
    if (this.#ended) return this.#finish();
    this.#endTimeout();
    this.#onceDrained.call();
  }

  /** The client has left. */
  left(): void {
    if (this.#ended) return;
    this.#closed = true;
    this.#onceClosed.call();
    this.#onceDrained.call();
  }

  /** Whoever has ended its side gets no more, which is known here before the connection is closed. */
  #hasLeft(): boolean {
    if (this.#socket.writable) return false;
    this.left();
    return true;
  }

  /** Where nothing waits in the socket, the system has taken all that was written to it. */
  #giveBack(): void {
    if (this.#untaken.length === 0 || this.#socket.writableLength > 0) return;
    for (const chunk of this.#untaken) this.#lender!.giveBack(chunk);
    this.#untaken = [];
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#endTimeout();
    this.#onOver();
  }

  #endTimeout(): void {
    if (this.#hasTimeout) this.#socket.setTimeout(0);
    this.#hasTimeout = false;
    if (this.#isHalfClosed && !this.#over) this.#limitSilence();
  }

  #limitSilence(): void {
    this.#hasTimeout = true;
    this.#socket.setTimeout(HALF_CLOSED);
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  /** With the head where that still waits, and in the framing of the body. */
  #send(chunk: Buffer): boolean {
    const socket = this.#socket;
    const before = this.#chunked ? `${this.#takeHead()}${chunk.length.toString(16)}\r\n` : this.#takeHead();
    if (before === '') return socket.write(chunk);
    // The end of the body mostly comes in the same turn.
    if (this.#chunked) corkForTurn(socket);
    if (chunk.length > ONE_PIECE) {
      socket.cork();
      socket.write(before, 'latin1');
      socket.write(chunk);
      if (this.#chunked) socket.write('\r\n', 'latin1');
      socket.uncork();
      return !socket.writableNeedDrain;
    }
    const after = this.#chunked ? 2 : 0;
    const piece = Buffer.allocUnsafe(before.length + chunk.length + after);
    piece.write(before, 0, 'latin1');
    piece.set(chunk, before.length);
    if (this.#chunked) piece.write('\r\n', before.length + chunk.length, 'latin1');
    return socket.write(piece);
  }
}

const statusLines: string[] = [];

function statusLine(status: number): string {
  return (statusLines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`);
}

function dateNow(): string {
  return formatHttpDate(Date.now());
}

function corkForTurn(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => socket.uncork());
}

function text(lines: readonly string[]): string {
  let written = '';
  for (let i = 0; i < lines.length; i += 2) written += `${lines[i]!}: ${lines[i + 1]!}\r\n`;
  return written;
}
