/**
 * @module server/fast/connection
 * One connection that both lanes share. Bytes that are nothing but plain requests, and come while
 * the general lane has nothing to do here, are answered at once where the answers are prepared.
 * The last of them may also go to the engine from here. All others are node:http's; what comes
 * while the engine has one is node:http's too, whose responses then wait for that one.
 */
import type { Socket } from 'node:net';
import type { ServedHit } from '../../cache/memo.ts';
import { outcomeOfHit } from '../../cache/answered-hit.ts';
import type { Answer } from '../../cache/prepared-answer.ts';
import type { Body, BodyReader, Lender } from '../../cache/ports.ts';
import { memoryReclaimed } from '../../cache/reply-body.ts';
import { STUCK_MS } from '../../cache/unread-bytes.ts';
import { MillraceError } from '../../errors.ts';
import { STALLED } from '../node-reply.ts';
import { opensHttp2 } from '../preface.ts';
import { type Admitted, Admission } from './admission.ts';
import { GeneralSide, IDLE } from './general-side.ts';
import type { FastLane } from './lane.ts';
import { PlainReply } from './plain-reply.ts';
import { readShared } from './raw-socket.ts';

/** Bytes of a body that are handed to the system before the client is waited for. They are the store's, not copies. */
const STEP = 1024 * 1024;

/** A hit that was begun, and of which the client has not taken all. */
interface UnderWay extends BodyReader {
  readonly answer: Answer;
  /** Pinned. */
  body: Body | undefined;
  readonly chunks: Iterator<Buffer>;
  /** Where the chunks are lent. */
  readonly lender: Lender | undefined;
  readonly startedAt: number;
  /** ms since the epoch; the last write of its body. */
  writtenAt: number;
  sent: number;
  isWritten: boolean;
  /** Why the rest of the body could not be read. */
  failure?: MillraceError;
}

export class Connection {
  readonly #lane: FastLane;
  readonly #socket: Socket;
  #general: GeneralSide | undefined;
  #underWay: UnderWay | undefined;
  /** The reply of the engine to a request that did not go by node:http. */
  #reply: PlainReply | undefined;
  #admission: Admission | undefined;
  /** Plain requests that wait for it. */
  #rest: Buffer | undefined;
  /** The last response was written here, not by the general lane. */
  #wroteLast = false;
  #isClosing = false;
  /** First bytes that may yet become the preface of HTTP/2. */
  #opening: Buffer | undefined;
  /** The lane's turn at which bytes came last. */
  #lastTurn: number;
  #hasAsked = false;
  /** Bytes that waited for the client when the lane looked last. */
  #waiting = 0;

  constructor(lane: FastLane, accepted: Socket) {
    this.#lane = lane;
    this.#lastTurn = lane.turn;
    const socket = readShared(accepted, (bytes, length) => this.#receive(bytes, length));
    this.#socket = socket;
    socket.on('end', () => this.#end());
    socket.on('error', (error) => this.#general?.destroy(error));
    socket.on('drain', () => this.#goOn());
    socket.on('timeout', () => this.#stalled());
    socket.once('close', () => this.#closed());
    socket.resume();
  }

  /** Turns of the lane without a byte from the client; undefined while it is not idle, or node:http has an eye on it. */
  idleSince(): { readonly turn: number; readonly hasAsked: boolean } | undefined {
    if (this.#general !== undefined || this.#isClosing || this.#underWay !== undefined || this.#reply !== undefined) return undefined;
    const { writableLength } = this.#socket;
    // The client takes what waits for it.
    if (writableLength !== this.#waiting) this.#lastTurn = this.#lane.turn;
    this.#waiting = writableLength;
    return { turn: this.#lastTurn, hasAsked: this.#hasAsked };
  }

  /** It took too long to ask: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.9 */
  expire(): void {
    this.#isClosing = true;
    this.#lane.general.expire(this.#socket);
  }

  /** Closes it, once the response under way is written. What the general lane has under way is that lane's to end. */
  drain(): void {
    if (this.#general === undefined) this.#closeSoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer, length: number): void {
    if (!this.#hasAsked) return this.#open(bytes, length);
    this.#lastTurn = this.#lane.turn;
    if (this.#isClosing) return;
    if (this.#underWay !== undefined) {
      // Read before the pause was known.
      this.#rest = Buffer.concat([this.#rest ?? Buffer.alloc(0), bytes.subarray(0, length)]);
      return;
    }
    if (this.#reply !== undefined) this.#handOver(bytes, 0, length);
    else if (this.#isResting) this.#answer(bytes, length);
    else this.#general!.feed(copy(bytes, 0, length), false);
  }

  /** A request begins with what comes next, and the general lane has nothing to do. */
  get #isResting(): boolean {
    const general = this.#general;
    return general === undefined || (general.isRead && this.#lane.general.isResting(general));
  }

  /** The first bytes say whether it is HTTP/2; nothing that comes later does. */
  #open(bytes: Buffer, length: number): void {
    const first = this.#opening === undefined ? bytes : Buffer.concat([this.#opening, bytes.subarray(0, length)]);
    const firstLength = (this.#opening?.length ?? 0) + length;
    const isHttp2 = opensHttp2(first, firstLength);
    if (isHttp2 === 'unclear') {
      this.#opening = copy(first, 0, firstLength);
      return;
    }
    this.#opening = undefined;
    this.#hasAsked = true;
    if (isHttp2 && !this.#isClosing) this.#leaveToHttp2(copy(first, 0, firstLength));
    else this.#receive(first, firstLength);
  }

  #leaveToHttp2(bytes: Buffer): void {
    this.#lane.forget(this);
    this.#isClosing = true;
    this.#socket.pause();
    this.#socket.unshift(bytes);
    this.#lane.http2.take(this.#socket);
  }

  #answer(bytes: Buffer, length: number): void {
    const { head, memo, general } = this.#lane;
    if (general.draining || !head.recognise(bytes, 0, length)) return this.#handOver(bytes, 0, length);
    const several = head.end < length;
    // One that is no request, or has others behind it that are for nobody, changes how those before it are answered: all or none are answered here.
    if (several && (head.closes || !this.#arePlain(bytes, head.end, length))) return this.#handOver(bytes, 0, length);
    const now = Date.now();
    if (several) this.#socket.cork();
    let at = 0;
    let unprepared: Admitted | undefined;
    while (at < length && this.#underWay === undefined) {
      if (several) head.recognise(bytes, at, length);
      let answer = memo.find(head, now);
      if (answer === undefined) {
        unprepared = this.#admit();
        answer = unprepared && this.#prepare(unprepared);
      }
      if (answer === undefined) break;
      at = head.end;
      this.#write(answer, now);
    }
    if (several) this.#socket.uncork();
    if (at === length) return;
    if (this.#underWay === undefined) {
      // A response whose length is not known has another framing there.
      if (unprepared === undefined || head.end < length || head.closes || head.isHttp10) this.#handOver(bytes, at, length);
      else this.#pass(unprepared, now);
    } else this.#rest = copy(bytes, at, length);
  }

  #arePlain(bytes: Buffer, start: number, end: number): boolean {
    const { head } = this.#lane;
    for (let at = start; at < end; at = head.end) if (!head.recognise(bytes, at, end) || head.closes) return false;
    return true;
  }

  /** The request that was recognised last, for the engine. Undefined: that is the general lane's to do. */
  #admit(): Admitted | undefined {
    this.#admission ??= new Admission(this.#lane.general, this.#socket.remoteAddress ?? '');
    return this.#admission.admit(this.#lane.head);
  }

  /** The answer to the request that was recognised last, where it is in memory and nobody has asked for it so before. */
  #prepare({ admitted }: Admitted): Answer | undefined {
    const { proxy, keeper } = this.#lane;
    const hit = proxy.engine.hitNow(admitted.request, admitted.rewrite);
    return hit && keeper.prepare(hit);
  }

  /** Takes the request that was recognised last to the engine. */
  #pass({ message, admitted }: Admitted, now: number): void {
    const { head, proxy, keeper } = this.#lane;
    this.#wroteLast = true;
    // The time of the idle connection is over.
    if (this.#general !== undefined) this.#socket.setTimeout(0);
    const reply = new PlainReply(this.#socket, this.#lane, head.isHead, () => this.#replied());
    this.#reply = reply;
    const context = {
      clientAddress: message.clientAddress,
      startedAt: now,
      decorate: admitted.rewrite,
      onHit: (hit: ServedHit) => keeper.keep({ method: message.method, url: message.requestTarget, httpVersion: '1.1', rawHeaders: message.fields.lines }, hit),
    };
    void proxy.engine.handle(admitted.request, reply, context);
  }

  /** The engine's response is written. */
  #replied(): void {
    const reply = this.#reply!;
    const general = this.#general;
    this.#reply = undefined;
    this.#lastTurn = this.#lane.turn;
    if (this.#isClosing || reply.saidClose) return this.#closeSoon();
    if (general === undefined) return;
    if (general.isHeld) {
      general.release();
      this.#lane.general.end(general, reply);
    } else this.#socket.setTimeout(IDLE);
  }

  #write(answer: Answer, now: number): void {
    const socket = this.#socket;
    const { head, keeper } = this.#lane;
    this.#wroteLast = true;
    this.#isClosing ||= head.closes;
    const whole = answer.whole(now);
    if (whole !== undefined && socket.write(head.closes ? keeper.closingWhole(whole, answer.bodyLength) : whole)) {
      if (socket.writableLength > 0) answer.hold();
      this.#lane.proxy.countHit(answer.status, answer.bodyLength);
      if (this.#lane.proxy.isObserved) this.#lane.proxy.tellHit(answer, now, this.#socket.remoteAddress ?? '');
      if (this.#isClosing) this.#closeSoon();
      return;
    }
    answer.hold();
    const { lender } = answer;
    const underWay: UnderWay = {
      answer,
      lender,
      body: undefined,
      chunks: answer.chunks(),
      startedAt: now,
      sent: whole === undefined ? 0 : answer.bodyLength,
      isWritten: whole !== undefined,
      writtenAt: now,
      cutIfStuck: () => {
        if (Date.now() - underWay.writtenAt < STUCK_MS) return;
        underWay.failure = memoryReclaimed();
        socket.destroy();
      },
    };
    this.#underWay = underWay;
    if (whole === undefined) {
      underWay.body = answer.pin(underWay);
      this.#writeStep(underWay, head.closes ? keeper.closing(answer.head(now)) : answer.head(now));
    }
    if (underWay.isWritten && this.#hasTaken) {
      this.#finish(underWay);
      if (this.#isClosing) this.#closeSoon();
      return;
    }
    socket.pause();
    // Node refreshes it as long as bytes leave.
    socket.setTimeout(STALLED);
  }

  /** The client, or the system for it, has taken what was written, but for little. */
  get #hasTaken(): boolean {
    return !this.#socket.writableNeedDrain || this.#socket.writableLength === 0;
  }

  /** Too long without a byte in either direction. */
  #stalled(): void {
    if (this.#underWay === undefined && this.#reply === undefined) this.#general?.emit('timeout');
    else this.#socket.destroy();
  }

  #writeStep(underWay: UnderWay, head = ''): void {
    const socket = this.#socket;
    const { lender } = underWay;
    underWay.writtenAt = Date.now();
    socket.cork();
    if (head !== '') socket.write(head, 'latin1');
    // Where all is sent, the end is still to be asked for.
    for (let step = 0; step < STEP || underWay.sent === underWay.answer.bodyLength; ) {
      const chunk = this.#nextOf(underWay);
      if (chunk === undefined) break;
      step += chunk.length;
      underWay.sent += chunk.length;
      socket.write(chunk);
      if (lender === undefined) continue;
      // What is lent is written at once, and given back where the system has taken all of it.
      socket.uncork();
      if (socket.writableLength === 0) lender.giveBack(chunk);
      else if (socket.writableNeedDrain) break;
    }
    socket.uncork();
    if (!underWay.isWritten && !socket.writableNeedDrain) setImmediate(() => this.#underWay === underWay && this.#goOn());
  }

  #nextOf(underWay: UnderWay): Buffer | undefined {
    try {
      const { value, done } = underWay.chunks.next();
      if (done !== true) return value;
      underWay.isWritten = true;
    } catch (error) {
      underWay.failure = MillraceError.from(error);
      // What is already written leaves in this turn of the loop; the client sees how far it came.
      setImmediate(() => this.#socket.destroy());
    }
    return undefined;
  }

  /** The client has taken what was written. */
  #goOn(): void {
    const underWay = this.#underWay;
    if (underWay === undefined) return this.#reply?.drained();
    if (underWay.failure !== undefined) return;
    if (!underWay.isWritten) {
      this.#writeStep(underWay);
      if (!underWay.isWritten || !this.#hasTaken) return;
    }
    this.#finish(underWay);
    const rest = this.#rest;
    this.#rest = undefined;
    if (this.#isClosing) return this.#closeSoon();
    if (rest !== undefined) this.#answer(rest, rest.length);
    if (this.#underWay !== undefined) return;
    // Where node:http knows the connection, its eye on idle ones is this timer.
    this.#socket.setTimeout(this.#general === undefined || !this.#general.isRead ? 0 : IDLE);
    this.#socket.resume();
  }

  #finish(underWay: UnderWay): void {
    const { answer, body, startedAt } = underWay;
    this.#underWay = undefined;
    body?.unpin?.(underWay);
    this.#lane.proxy.countHit(answer.status, answer.bodyLength);
    if (this.#lane.proxy.isObserved) this.#report(answer, startedAt, answer.bodyLength);
  }

  /** Bytes [start, end) are node:http's. */
  #handOver(bytes: Buffer, start: number, end: number): void {
    this.#wroteLast = false;
    const isStart = this.#isResting;
    if (this.#general === undefined) {
      const general = new GeneralSide(this.#socket, (error) => this.#generalClosed(error));
      general.on('late', () => this.#lane.general.expire(general));
      this.#general = general;
      this.#lane.http.emit('connection', general);
    }
    if (this.#reply !== undefined && !this.#general.isHeld) {
      this.#general.hold();
      this.#lane.general.begin(this.#general, this.#reply);
    }
    this.#general.feed(copy(bytes, start, end), isStart);
  }

  #generalClosed(error: Error | null): void {
    if (error === null && this.#wroteLast) this.#closeSoon();
    else this.#socket.destroy();
  }

  #closeSoon(): void {
    this.#isClosing = true;
    if (this.#underWay === undefined && this.#reply === undefined) this.#socket.destroySoon();
  }

  /** The client sends nothing any more. */
  #end(): void {
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening !== undefined) {
      this.#hasAsked = true;
      this.#receive(opening, opening.length);
    }
    const general = this.#general;
    if (this.#reply !== undefined && general?.isHeld !== true) {
      // It may still read: https://www.rfc-editor.org/rfc/rfc9112.html#section-9.6
      this.#isClosing = true;
      this.#reply.closeAfter();
      this.#reply.clientEnded();
    } else if (general !== undefined) general.feedEnd();
    else this.#socket.end();
  }

  #closed(): void {
    this.#lane.forget(this);
    this.#general?.destroy();
    this.#reply?.left();
    const underWay = this.#underWay;
    if (underWay === undefined) return;
    this.#underWay = undefined;
    const { answer, body, chunks, startedAt, sent } = underWay;
    body?.unpin?.(underWay);
    // It may have a file open.
    chunks.return?.();
    const error = underWay.failure ?? this.#lane.proxy.engine.goneError;
    this.#lane.proxy.countHit(answer.status, sent, error);
    if (this.#lane.proxy.isObserved) this.#report(answer, startedAt, sent, error);
  }

  #report(answer: Answer, startedAt: number, bytes: number, error?: MillraceError): void {
    const { proxy } = this.#lane;
    const clientAddress = this.#socket.remoteAddress ?? '';
    const duration = Date.now() - startedAt;
    if (duration === 0 && error === undefined) proxy.tellHit(answer, startedAt, clientAddress);
    else proxy.tell(outcomeOfHit(answer, { startedAt, duration, clientAddress, bytes, error }));
  }
}

function copy(bytes: Buffer, start: number, end: number): Buffer {
  return Buffer.from(bytes.subarray(start, end));
}
