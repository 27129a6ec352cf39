/**
 * @module cache/fetcher
 * Asks the origin on the cache's behalf, and lands the response: a 304 updates what is stored, a
 * storable response goes into the store as it comes, any other is handed on.
 */
import { Readable } from 'node:stream';
import { MillraceError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import { completeResponse } from '../http/forwarding.ts';
import { type RequestHead, type StoredRange, type StoredResponse, carriesPrivate } from '../policy/message.ts';
import { announcedRange, completion, isWhole, joins, receivedRange } from '../policy/partial.ts';
import { ANY_TAG, MAX_TAGS, MAX_TAG_CHARACTERS, tagsOf } from '../policy/groups.ts';
import { unreadMs } from '../policy/keep.ts';
import type { Reason } from '../policy/reason.ts';
import { staleOnError } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { isAboutTheRequest, isStaleIfError } from '../policy/status.ts';
import { storable } from '../policy/storable.ts';
import { headDescribes, updatedFields, validates, withConditions, withoutConditions } from '../policy/validate.ts';
import { selectionOf, selectsFurther } from '../policy/vary.ts';
import type { Backoff } from './backoff.ts';
import type { Entry } from './entry.ts';
import type { ClientRequest } from './exchange.ts';
import { Fill } from './fill.ts';
import { Joining } from './joining.ts';
import { urlOfKey } from './key.ts';
import type { Cancellation, Origin, OriginResponse, Store, StoreWriter } from './ports.ts';
import type { Span } from './reply-body.ts';
import type { Located, Place, Variants } from './variants.ts';

export interface FetchPlan {
  readonly key: string;
  readonly request: ClientRequest;
  /** The request's fields as policy judges them. */
  readonly head: RequestHead;
  /** The content of a QUERY. */
  readonly content: Buffer | undefined;
  /** What is stored for the request. */
  readonly located: Located | undefined;
  /** Ask whether `located` still holds. */
  readonly validate: boolean;
  /** Leave the client's own conditions and range out, so that the response serves everyone. */
  readonly whole: boolean;
  /** The purge stamp in force when it began. */
  readonly stamp: number;
}

/** Whom a request is made for. */
export interface Passengers {
  /** Nobody needs the response any more. */
  readonly cancel: Cancellation;
  informational(status: number, fields: Fields): void;
}

/** What landing a response takes of the plan that brought it. */
type Received = Pick<FetchPlan, 'key' | 'request' | 'head' | 'located' | 'whole' | 'stamp'>;

interface Landed {
  readonly originStatus: number;
  /** Milliseconds from the request to the head of the response. */
  readonly originDuration: number;
}

interface OwnPart {
  /** In the fill. */
  readonly span: Span;
  /** Bytes, as the origin stated them. */
  readonly length: number | undefined;
}

export type Passing = Extract<Landing, { kind: 'passing' }>;

export type Landing = Landed &
  (
    /** `received` are the fields for the client whose request it was, as below. */
    | { readonly kind: 'validated'; readonly located: Located; readonly received: Fields }
    /** On its way into the store. `received` are the fields for the client whose request it was, Set-Cookie and all. */
    | {
        readonly kind: 'filling';
        /** Its range: bytes that can be read from the fill, which begins with the first of them. */
        readonly entry: Entry;
        readonly received: Fields;
        readonly fill: Fill;
        /** Bytes that the fill will have; undefined where the origin did not say. */
        readonly length: number | undefined;
        /** The client whose request it was asked for a part, and gets just what the origin sent. */
        readonly part: OwnPart | undefined;
      }
    | { readonly kind: 'passing'; readonly response: OriginResponse; readonly reasons: readonly Reason[] }
  );

export interface FetcherParts {
  readonly origin: Origin;
  readonly store: Store;
  readonly variants: Variants;
  readonly backoff: Backoff;
  readonly settings: Settings;
  readonly now: () => number;
  /** Told what an operator should know. */
  readonly onNotice: (text: string) => void;
}

export class Fetcher {
  readonly #parts: FetcherParts;
  #hasWarnedOfTags = false;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /** @throws MillraceError where the origin gave no final response */
  async fetch(plan: FetchPlan, passengers: Passengers): Promise<Landing> {
    const { origin, now } = this.#parts;
    const { request, located } = plan;
    const completing = plan.whole && !plan.validate && located !== undefined ? completion(located.entry, this.#parts.settings) : undefined;
    let fields = plan.validate && located !== undefined ? withConditions(request.fields, located.entry) : plan.whole ? withoutConditions(request.fields) : request.fields;
    if (completing !== undefined) fields = fields.clone().set('Range', completing.range);
    if (completing?.ifRange !== undefined) fields.set('If-Range', completing.ifRange);
    const requestTime = now();
    const response = await origin.fetch({
      method: request.method,
      target: request.target,
      fields,
      body: plan.content === undefined ? undefined : Readable.from([plan.content], { objectMode: false }),
      signal: passengers.cancel,
      onInformational: (status, informed) => passengers.informational(status, informed),
    });
    const responseTime = now();
    this.#parts.backoff.answered(request.target, responseTime);
    completeResponse(response.fields, response.httpVersion, responseTime);
    if (response.status === 304 && plan.validate && located !== undefined) {
      drop(response);
      return this.#validated(plan, passengers, located, response, requestTime, responseTime);
    }
    if (completing !== undefined && (response.status === 206 || response.status === 416)) {
      const range = announcedRange(response);
      if (range === undefined || !joins(located!.entry, response, range) || range.first > located!.entry.range!.last + 1 || range.last + 1 !== range.length) {
        // The part that came does not fit the one that is stored.
        drop(response);
        return this.fetch({ ...plan, located: undefined }, passengers);
      }
    }
    const landing = await this.receive(plan, response, requestTime, responseTime);
    if (completing === undefined || response.status !== 206 || landing.kind !== 'passing') return landing;
    // The store does not take the whole: the client that asked for it must not get a part.
    drop(response);
    return this.fetch({ ...plan, located: undefined }, passengers);
  }

  /** https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.4 */
  async #validated(plan: FetchPlan, passengers: Passengers, located: Located, response: OriginResponse, requestTime: number, responseTime: number): Promise<Landing> {
    // A 304 that speaks of something else, or of a choice nobody knew of, does not help: the whole is asked for.
    if (!validates(response, located.entry) || selectsFurther(response.fields, located.entry.selection)) return this.fetch({ ...plan, validate: false, whole: true }, passengers);
    const { settings, variants } = this.#parts;
    const received = updatedFields(located.entry.fields, response.fields, []);
    const updated: Entry = {
      ...located.entry,
      fields: received,
      requestTime,
      responseTime,
      privateInPlay: carriesPrivate(plan.head) || response.fields.has('set-cookie'),
      invalidated: false,
      stamp: plan.stamp,
      tags: this.#tagsOf(plan, received),
    };
    const kept = storable(plan.head, updated, settings);
    const entry = { ...updated, fields: without(received, kept.store ? kept.omit : PERSONAL) };
    if (kept.store) await variants.update(plan.key, located, entry);
    else await this.#doubt(plan, response, kept.reasons);
    return { originStatus: response.status, originDuration: responseTime - requestTime, kind: 'validated', located: { ...located, entry }, received };
  }

  /** Lands a response that is complete with Via and Date: stores it where that is allowed, else hands it on. */
  async receive(plan: Received, response: OriginResponse, requestTime: number, responseTime: number): Promise<Landing> {
    const landed: Landed = { originStatus: response.status, originDuration: responseTime - requestTime };
    const { settings, variants, now } = this.#parts;
    const passing = (reasons: readonly Reason[]): Landing => ({ ...landed, kind: 'passing', response, reasons });
    const { located, head, request } = plan;
    if (located !== undefined && isStaleIfError(response.status) && staleOnError(head, located.entry, response, settings, now()) !== undefined) {
      return passing([{ code: 'origin-failed', detail: `status ${response.status}` }]);
    }
    if (request.method === 'HEAD' && located !== undefined && located.entry.method !== 'HEAD') {
      await this.#updateByHead(plan, located, response, requestTime, responseTime);
      return passing([{ code: 'head-only' }]);
    }
    const selection = selectionOf(request.fields, request.forwardedAs, response.fields);
    const described: StoredResponse = {
      status: response.status,
      fields: response.fields,
      method: request.method,
      requestTime,
      responseTime,
      privateInPlay: carriesPrivate(head) || response.fields.has('set-cookie'),
      range: announcedRange(response),
      invalidated: false,
    };
    const verdict = storable(head, described, settings);
    if (!verdict.store || selection === undefined) {
      const reasons: readonly Reason[] = verdict.store ? [{ code: 'vary-star' }] : verdict.reasons;
      if (located !== undefined) await this.#doubt(plan, response, reasons);
      return passing(reasons);
    }
    const place = await variants.place(plan.key, selection, request.fields);
    const entry: Entry = { ...described, fields: storedFields(response, verdict.omit), selection, stamp: plan.stamp, tags: this.#tagsOf(plan, response.fields), parts: [], others: [] };
    return described.range === undefined ? this.#fillWhole(plan, response, entry, place, landed) : this.#fillPart(plan, response, entry, described.range, place, landed);
  }

  #fillWhole(plan: Received, response: OriginResponse, entry: Entry, place: Place, landed: Landed): Landing {
    const { settings, store, variants, now } = this.#parts;
    const length = bodyLength(plan.request.method, response);
    const writer = store.put(place.key, length);
    if (writer === undefined) return { ...landed, kind: 'passing', response, reasons: [{ code: 'too-large', detail: `${length} bytes` }] };
    const fill = new Fill(response.body, writer, {
      commit: (written) => variants.commit(plan.key, place, entry, written),
      stands: () => !variants.isDead(plan.key, entry),
      unreadMs: (wasRead) => (length === undefined ? unreadMs(entry, settings, now(), wasRead) : undefined),
    });
    return { ...landed, kind: 'filling', entry, received: response.fields, fill, length: plan.request.method === 'HEAD' ? undefined : length, part: undefined };
  }

  /**
   * A part is stored as what is known of the whole, with its range beside it.
   * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.3
   */
  async #fillPart(plan: Received, response: OriginResponse, entry: Entry, announced: StoredRange, place: Place, landed: Landed): Promise<Landing> {
    const { settings, store, variants } = this.#parts;
    const whole: Entry = { ...entry, status: 200, range: undefined };
    const completed = plan.whole ? await this.#complete(plan, response, whole, announced, place, landed) : undefined;
    if (completed !== undefined) return completed;
    const length = announced.last + 1 - announced.first;
    const at = await variants.placeOfPart(plan.key, place, whole, announced);
    const writer = store.put(at, length);
    if (writer === undefined) return { ...landed, kind: 'passing', response, reasons: [{ code: 'too-large', detail: `${length} bytes` }] };
    // The letter takes the end of what came for the end of the representation.
    const expected = plan.whole || settings.letter ? undefined : length;
    const commit = async (written: StoreWriter): Promise<boolean> => {
      const range = receivedRange(announced, written.written, settings);
      return range !== undefined && variants.commitPart(plan.key, place, whole, range, written, at);
    };
    const fill = new Fill(response.body, writer, { commit, stands: () => !variants.isDead(plan.key, whole), unreadMs: () => undefined, expected });
    const part: OwnPart = { span: { start: 0, end: length }, length: bodyLength(plan.request.method, response) };
    return { ...landed, kind: 'filling', entry: { ...whole, range: isWhole(announced) ? undefined : announced }, received: response.fields, fill, length, part };
  }

  /** The client asked for the whole, and the part that comes completes what is stored; undefined where it does not. */
  async #complete(plan: Received, response: OriginResponse, entry: Entry, announced: StoredRange, place: Place, landed: Landed): Promise<Landing | undefined> {
    const { settings, store, variants } = this.#parts;
    const joining = new Joining(announced, response, plan.located, settings);
    if (!joining.completes) return undefined;
    const writer = store.put(place.key, joining.length);
    if (writer === undefined || !(await joining.begin(writer))) return { ...landed, kind: 'passing', response, reasons: [{ code: 'too-large', detail: `${joining.length} bytes` }] };
    const fields = joining.joined ? updatedFields(plan.located!.entry.fields, entry.fields, []) : entry.fields;
    const whole: Entry = { ...entry, fields };
    const commit = async (written: StoreWriter): Promise<boolean> => {
      const range = await joining.finish(written);
      return range !== undefined && isWhole(range) && variants.commit(plan.key, place, whole, written);
    };
    const fill = new Fill(response.body, writer, { commit, stands: () => !variants.isDead(plan.key, whole), unreadMs: () => undefined });
    return { ...landed, kind: 'filling', entry: whole, received: fields, fill, length: joining.length, part: undefined };
  }

  #tagsOf({ key }: Received, fields: Fields): readonly string[] {
    const tags = tagsOf(fields);
    if (tags[0] === ANY_TAG && !this.#hasWarnedOfTags) {
      this.#hasWarnedOfTags = true;
      this.#parts.onNotice(`The response to ${urlOfKey(key)} has more tags (Cache-Groups, Surrogate-Key, Cache-Tag, xkey) than are told apart (${MAX_TAGS}, of ${MAX_TAG_CHARACTERS} characters together): any purge by tag removes it, and others like it. Further ones are not reported.`);
    }
    return tags;
  }

  /** https://www.rfc-editor.org/rfc/rfc9111.html#section-4.3.5 */
  async #updateByHead(plan: Received, located: Located, response: OriginResponse, requestTime: number, responseTime: number): Promise<void> {
    const { settings, variants } = this.#parts;
    if (!headDescribes(response, located.entry, located.entry.range === undefined ? located.object.body.length : located.entry.range.length)) return this.#doubt(plan, response, []);
    const fields = updatedFields(located.entry.fields, response.fields, []);
    // Its stamp stays: what a soft purge has marked stale has a body that a head says little of.
    const updated: Entry = { ...located.entry, fields, requestTime, responseTime, invalidated: false, tags: this.#tagsOf(plan, fields) };
    const kept = storable(plan.head, updated, settings);
    if (kept.store && !selectsFurther(response.fields, located.entry.selection)) await variants.update(plan.key, located, { ...updated, fields: without(fields, kept.omit) });
    else await this.#doubt(plan, response, kept.reasons);
  }

  /**
   * What the origin now answers otherwise must not be used without asking. Where that may be because of
   * who asks, or how, it says nothing about what is stored for others: else anyone could take that from them.
   */
  async #doubt({ key, located, head }: Received, response: OriginResponse, reasons: readonly Reason[]): Promise<void> {
    if (located === undefined || response.status >= 500) return;
    const code = reasons[0]?.code;
    const byRequest = carriesPrivate(head) || isAboutTheRequest(response.status) || code === 'request-no-store' || code === 'large-request-head';
    if (!byRequest) await this.#parts.variants.invalidate(key, located);
  }
}

/** Never for anybody but the client whose request it was, where the response as a whole is not for others. */
const PERSONAL: readonly string[] = ['set-cookie', 'set-cookie2'];

function without(fields: Fields, names: readonly string[]): Fields {
  const kept = fields.clone();
  for (const name of names) kept.delete(name);
  return kept;
}

/** What is kept of the fields: those of the whole, where a part came. */
function storedFields(response: OriginResponse, omit: readonly string[]): Fields {
  const fields = without(response.fields, omit);
  return response.status === 206 ? fields.delete('Content-Range').delete('Content-Length') : fields;
}

/** Bytes of body to expect; undefined where the origin did not say. */
function bodyLength(method: string, response: OriginResponse): number | undefined {
  if (method === 'HEAD' || response.status === 204) return 0;
  const stated = response.fields.first('content-length');
  return stated === undefined ? undefined : Number(stated);
}

/** Lets a body that nobody needs run out, or ends it. */
export function drop(response: OriginResponse): void {
  response.body.pipe({ data: () => true, end: () => {}, error: () => {} });
  if (response.status !== 304) response.body.abort(new MillraceError('ERR_CLIENT_GONE', 'The response is not needed any more.'));
}
