/**
 * @module cache/joining
 * Joins a part that comes from the origin with the part that is stored: the stored bytes before it
 * are written first, those behind it at the end, so that the store gets one contiguous part.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-3.4
 */
import type { StoredRange } from '../policy/message.ts';
import { joins, isWhole, receivedRange } from '../policy/partial.ts';
import type { ResponseHead } from '../policy/message.ts';
import type { Settings } from '../policy/settings.ts';
import type { Body, StoreWriter } from './ports.ts';
import type { Span } from './reply-body.ts';
import type { Located } from './variants.ts';

export class Joining {
  /** Where the bytes that come stand in what is written. */
  readonly incoming: Span;
  /** Bytes of what is written, when all has come. */
  readonly length: number;
  readonly #announced: StoredRange;
  readonly #stored: { readonly range: StoredRange; readonly body: Body } | undefined;
  readonly #settings: Settings;

  /** @param announced the part that comes; it is joined with what is stored only where the rules allow it */
  constructor(announced: StoredRange, response: ResponseHead, located: Located | undefined, settings: Settings) {
    this.#settings = settings;
    const own = located?.entry.range;
    this.#announced = announced;
    this.#stored = own !== undefined && joins(located!.entry, response, announced) ? { range: own, body: located!.object.body } : undefined;
    const before = Math.max(0, announced.first - this.#first);
    const coming = announced.last + 1 - announced.first;
    this.incoming = { start: before, end: before + coming };
    this.length = before + coming + this.#behind;
  }

  /** It is joined with a stored part. */
  get joined(): boolean {
    return this.#stored !== undefined;
  }

  /** What is written will be the whole representation. */
  get completes(): boolean {
    return isWhole({ first: this.#first, last: this.#first + this.length - 1, length: this.#announced.length });
  }

  /** Writes the stored bytes before those that come. False when the store gave up. */
  async begin(writer: StoreWriter): Promise<boolean> {
    return this.#copy(writer, 0, this.incoming.start);
  }

  /** Writes the stored bytes behind those that came; the range of all that is written, undefined where that is no contiguous part. */
  async finish(writer: StoreWriter): Promise<StoredRange | undefined> {
    const came = writer.written - this.incoming.start;
    const all = came === this.incoming.end - this.incoming.start;
    if (all && this.#behind > 0) {
      const { range, body } = this.#stored!;
      if (!(await this.#copy(writer, body.length - this.#behind, range.last + 1 - range.first))) return undefined;
    }
    const last = all ? this.#first + this.length - 1 : this.#announced.last;
    return receivedRange({ ...this.#announced, first: this.#first, last }, writer.written, this.#settings);
  }

  get #first(): number {
    return Math.min(this.#announced.first, this.#stored?.range.first ?? Infinity);
  }

  /** Stored bytes behind those that come. */
  get #behind(): number {
    return Math.max(0, (this.#stored?.range.last ?? -1) - this.#announced.last);
  }

  async #copy(writer: StoreWriter, start: number, end: number): Promise<boolean> {
    if (start >= end) return true;
    for await (const chunk of this.#stored!.body.read(start, end)) if (!writer.write(chunk)) return false;
    return true;
  }
}
