/**
 * @module cache/serving
 * What a client is sent, once it is known what: a stored response, one on its way into the store, or one
 * that passes through.
 */
import { MillraceError } from '../errors.ts';
import { currentAge, freshnessLifetime } from '../policy/freshness.ts';
import { isFromStart, requestedRange } from '../policy/requested-range.ts';
import { type Failure, type Used, staleOnError } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { type Sendable, answer, streamable } from './answer.ts';
import type { Entry } from './entry.ts';
import type { Landing } from './fetcher.ts';
import { Fill, UNSTORED } from './fill.ts';
import type { ServedHit } from './memo.ts';
import type { OriginResponse } from './ports.ts';
import { type ReplyEnd, StoredReader, sendFill, sendStored } from './reply-body.ts';
import { scopesOf } from './scopes.ts';
import type { Transaction } from './transaction.ts';
import type { UnreadBytes } from './unread-bytes.ts';
import type { Located } from './variants.ts';

/** How long a client waits for the first byte of its range, where another one's request is about to bring it; then it makes a request of its own. */
const PATIENCE_MS = 1000;

/** How a hit was found. */
export type Found = Pick<ServedHit, 'now' | 'read' | 'selecting'>;

type Served = Exclude<Landing, { kind: 'passing' }>;

/** What was looked up left the store before its first byte was sent. */
export class StoredBodyGone extends MillraceError {
  constructor() {
    super('ERR_INTERNAL', 'Stored responses for this URL were removed twice before they could be sent.');
  }
}

export class Serving {
  readonly #settings: Settings;
  readonly #unread: UnreadBytes;
  readonly #now: () => number;

  constructor(settings: Settings, unread: UnreadBytes, now: () => number) {
    this.#settings = settings;
    this.#unread = unread;
    this.#now = now;
  }

  /**
   * @param found how it was found, where the same would be found again
   * @throws {StoredBodyGone} before anything is sent
   */
  async serve(tx: Transaction, located: Located, used: Used, result: 'HIT' | 'STALE' | 'REVALIDATED', found?: Found): Promise<void> {
    const { body } = located.object;
    // It may have been looked up long ago: before a validation, for one.
    const reader = new StoredReader(tx.reply);
    if (body.pin?.(reader) === false) throw new StoredBodyGone();
    try {
      const hit = this.begin(tx, located, used, result, found ?? { now: this.#now(), read: [], selecting: [] });
      if (found !== undefined) tx.onHit?.(hit);
      tx.error = await sendStored(body, hit.pieces, tx.reply, reader);
    } finally {
      body.unpin?.(reader);
    }
  }

  /** Sends the head; what is to follow it is in what it returns. */
  begin(tx: Transaction, { entry, object }: Located, { age, lifetime, omit }: Used, result: 'HIT' | 'STALE' | 'REVALIDATED', found: Found): ServedHit {
    // The head of a response to HEAD is all there is of it.
    const length = entry.method === 'HEAD' ? undefined : object.body.length;
    const { status, fields, length: announced, pieces } = answer(tx.head, entry, length, omit, this.#now());
    tx.sendHead(status, fields, announced, { result, age, ttl: lifetime.seconds - age });
    const send = pieces === 'all' || tx.request.method === 'HEAD' ? [] : pieces;
    return { ...found, status, fields, length: announced, pieces: send, body: object.body, age, lifetime, scopes: scopesOf(tx.key, entry.selection.forwardedAs, entry.tags), stamp: entry.stamp };
  }

  /** Whether it may be served in the place of an answer that fails so. */
  mayServeStale(tx: Transaction, located: Located, failure: Failure): boolean {
    return this.#staleUse(tx, located, failure) !== undefined;
  }

  #staleUse(tx: Transaction, { entry }: Located, failure: Failure): ReturnType<typeof staleOnError> {
    return staleOnError(tx.head, entry, failure, this.#settings, this.#now());
  }

  /** Whether it may be served in the place of the answer that failed; if so, it is. */
  async serveStale(tx: Transaction, located: Located | undefined, failure: Failure): Promise<boolean> {
    const used = located && this.#staleUse(tx, located, failure);
    if (located === undefined || used === undefined) return false;
    tx.reasons = [used.reason, ...tx.reasons];
    await this.serve(tx, located, used, 'STALE');
    return true;
  }

  /** Serves the client whose request brought the response. */
  async serveOwn(tx: Transaction, landing: Served): Promise<void> {
    if (landing.kind === 'validated') return this.#serveValidated(tx, { ...landing.located, entry: { ...landing.located.entry, fields: landing.received } }, []);
    const { fill, length, part, received, entry } = landing;
    const sendable =
      part === undefined
        ? streamable(answer(tx.head, { ...entry, fields: received }, length, [], this.#now()), { ...entry, fields: received }, length)
        : { status: landing.originStatus, fields: received.clone(), length: part.length, span: part.span };
    tx.stored = true;
    tx.storing = fill.stored;
    try {
      this.#sendHead(tx, sendable, entry);
    } catch (error) {
      // Others may wait for the body.
      fill.start();
      throw error;
    }
    const sent = this.#sendBody(tx, fill, sendable.span);
    fill.start();
    if (sent === undefined) tx.reply.end();
    else tx.error = await sent;
  }

  /**
   * Serves a client whose request was collapsed with another one. False, and nothing is sent: what it
   * wants is not to be had there, or not soon.
   * @param omit names of fields that are for that other one alone
   */
  async serveCollapsed(tx: Transaction, landing: Served, omit: readonly string[]): Promise<boolean> {
    if (landing.kind === 'validated') {
      tx.reasons = [{ code: 'collapsed' }, ...tx.reasons];
      await this.#serveValidated(tx, landing.located, omit);
      return true;
    }
    const { fill, length } = landing;
    const fields = landing.entry.fields.clone();
    for (const name of omit) fields.delete(name);
    const entry: Entry = { ...landing.entry, fields };
    const answered = answer(tx.head, entry, length, [], this.#now());
    const wanted = requestedRange(tx.head);
    // A range of a body whose length nobody knows: the origin may have it at hand.
    if (answered.pieces === 'all' && wanted !== 'whole' && !isFromStart(wanted)) return false;
    const sendable = streamable(answered, entry, length);
    const { span } = sendable;
    if (typeof span === 'object' && !(await fill.reaches(span.start, PATIENCE_MS))) return false;
    if (!fill.joinable) return false;
    tx.reasons = [{ code: 'collapsed' }, ...tx.reasons];
    this.#sendHead(tx, sendable, landing.entry);
    const sent = this.#sendBody(tx, fill, span);
    if (sent === undefined) tx.reply.end();
    else tx.error = await sent;
    return true;
  }

  async #serveValidated(tx: Transaction, located: Located, omit: readonly string[]): Promise<void> {
    tx.reasons = [{ code: 'validated' }, ...tx.reasons];
    await this.serve(tx, located, { age: currentAge(located.entry, this.#now()), lifetime: freshnessLifetime(located.entry, this.#settings), omit }, 'REVALIDATED');
  }

  #sendHead(tx: Transaction, { status, fields, length }: Sendable, entry: Entry): void {
    const ttl = freshnessLifetime(entry, this.#settings).seconds - currentAge(entry, this.#now());
    tx.sendHead(status, fields, length, { result: tx.decision?.action === 'bypass' ? 'BYPASS' : 'MISS', ttl });
  }

  /** A response that is not stored. */
  async pass(tx: Transaction, response: OriginResponse, result: 'MISS' | 'BYPASS'): Promise<void> {
    const length = response.fields.first('content-length');
    tx.sendHead(response.status, response.fields, length === undefined ? undefined : Number(length), { result });
    const fill = new Fill(response.body, undefined, UNSTORED);
    const sent = sendFill(fill, tx.reply, undefined, this.#unread);
    fill.start();
    tx.error = await sent;
  }

  #sendBody(tx: Transaction, fill: Fill, span: Sendable['span']): Promise<ReplyEnd> | undefined {
    if (span === 'none' || tx.request.method === 'HEAD') return undefined;
    return sendFill(fill, tx.reply, span === 'all' ? undefined : span, this.#unread);
  }
}
