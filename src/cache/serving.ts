/**
 * @module cache/serving
 * What a client is sent, once it is known what: a stored response, one on its way into the store, or one
 * that passes through.
 */
import { MillraceError } from '../errors.ts';
import { currentAge, freshnessLifetime } from '../policy/freshness.ts';
import { type Failure, type Used, staleOnError } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { answer, streamable } from './answer.ts';
import type { Entry } from './entry.ts';
import type { Landing } from './fetcher.ts';
import { Fill } from './fill.ts';
import type { ServedHit } from './memo.ts';
import type { OriginResponse } from './ports.ts';
import { sendFill, sendStored } from './reply-body.ts';
import { scopesOf } from './scopes.ts';
import type { Transaction } from './transaction.ts';
import type { Located } from './variants.ts';

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
  readonly #now: () => number;

  constructor(settings: Settings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  /**
   * @param found how it was found, where the same would be found again
   * @throws {StoredBodyGone} before anything is sent
   */
  async serve(tx: Transaction, located: Located, used: Used, result: 'HIT' | 'STALE' | 'REVALIDATED', found?: Found): Promise<void> {
    const { body } = located.object;
    // It may have been looked up long ago: before a validation, for one.
    if (body.pin?.() === false) throw new StoredBodyGone();
    try {
      const hit = this.begin(tx, located, used, result, found ?? { now: this.#now(), read: [], selecting: [] });
      if (found !== undefined) tx.onHit?.(hit);
      tx.error = await sendStored(body, hit.pieces, tx.reply);
    } finally {
      body.unpin?.();
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

  /** Whether it may be served in the place of the answer that failed; if so, it is. */
  async serveStale(tx: Transaction, located: Located | undefined, failure: Failure): Promise<boolean> {
    const used = located && staleOnError(tx.head, located.entry, failure, this.#settings, this.#now());
    if (located === undefined || used === undefined) return false;
    tx.reasons = [used.reason, ...tx.reasons];
    await this.serve(tx, located, used, 'STALE');
    return true;
  }

  /** @param omit the response was asked for by another request that this one was collapsed with: names of fields that are for that one alone */
  async serveLanded(tx: Transaction, landing: Served, omit: readonly string[] | 'own'): Promise<void> {
    const now = this.#now();
    const own = omit === 'own';
    if (!own) tx.reasons = [{ code: 'collapsed' }, ...tx.reasons];
    if (landing.kind === 'validated') {
      const located = own ? { ...landing.located, entry: { ...landing.located.entry, fields: landing.received } } : landing.located;
      tx.reasons = [{ code: 'validated' }, ...tx.reasons];
      return this.serve(tx, located, { age: currentAge(located.entry, now), lifetime: freshnessLifetime(located.entry, this.#settings), omit: own ? [] : omit }, 'REVALIDATED');
    }
    const { fill, length, part } = landing;
    const fields = own ? landing.received : landing.entry.fields.clone();
    if (!own) for (const name of omit) fields.delete(name);
    const entry: Entry = { ...landing.entry, fields };
    const sendable = part === undefined ? streamable(answer(tx.head, entry, length, [], now), entry, length) : { status: landing.originStatus, fields: landing.received.clone(), length, span: part };
    tx.stored = own;
    const ttl = freshnessLifetime(landing.entry, this.#settings).seconds - currentAge(landing.entry, now);
    try {
      tx.sendHead(sendable.status, sendable.fields, sendable.length, { result: tx.decision?.action === 'bypass' ? 'BYPASS' : 'MISS', ttl });
    } catch (error) {
      // Others may wait for the body.
      if (own) fill.start();
      throw error;
    }
    const hasBody = sendable.span !== 'none' && tx.request.method !== 'HEAD';
    const sent = hasBody ? sendFill(fill, tx.reply, sendable.span === 'all' ? undefined : sendable.span) : undefined;
    if (own) fill.start();
    if (sent === undefined) tx.reply.end();
    else tx.error = await sent;
  }

  /** A response that is not stored. */
  async pass(tx: Transaction, response: OriginResponse, result: 'MISS' | 'BYPASS'): Promise<void> {
    const length = response.fields.first('content-length');
    tx.sendHead(response.status, response.fields, length === undefined ? undefined : Number(length), { result });
    const fill = new Fill(response.body, undefined, async () => false);
    const sent = sendFill(fill, tx.reply, undefined);
    fill.start();
    tx.error = await sent;
  }
}
