/**
 * @module cache/joined-body
 * The bodies of several stored parts as one, read one after the other.
 */
import type { ByteRange } from '../http/byte-range.ts';
import type { Body, BodyReader } from './ports.ts';

export interface PartBody {
  /** The bytes of the representation that it has. */
  readonly range: ByteRange;
  readonly body: Body;
}

export class JoinedBody implements Body {
  readonly length: number;
  readonly #first: number;
  readonly #parts: readonly PartBody[];

  /** @param parts in order; each touches or overlaps the next */
  constructor(parts: readonly PartBody[]) {
    this.#parts = parts;
    this.#first = parts[0]!.range.first;
    this.length = parts.at(-1)!.range.last + 1 - this.#first;
  }

  pin(reader: BodyReader): boolean {
    const pinned: Body[] = [];
    for (const { body } of this.#parts) {
      if (body.pin?.(reader) === false) {
        for (const each of pinned) each.unpin?.(reader);
        return false;
      }
      pinned.push(body);
    }
    return true;
  }

  unpin(reader: BodyReader): void {
    for (const { body } of this.#parts) body.unpin?.(reader);
  }

  async *read(start: number, end: number): AsyncIterable<Buffer> {
    let at = this.#first + start;
    for (const { range, body } of this.#parts) {
      const until = Math.min(range.last + 1, this.#first + end);
      if (at >= until) continue;
      yield* body.read(at - range.first, until - range.first);
      at = until;
    }
  }
}
