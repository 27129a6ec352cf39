/**
 * @module cache/noted-answer
 * An answer that was made by a note: head and body in one piece, in memory that the next one takes.
 */
import type { Lifetime } from '../policy/freshness.ts';
import type { Reason } from '../policy/reason.ts';
import { freshReasons } from '../policy/reuse.ts';
import type { NotedAnswers } from './noted-answers.ts';
import type { Answer, Preparation } from './prepared-answer.ts';
import type { Recipe } from './recipes.ts';

/** Behind the lines of what is stored. */
export const AGE: Buffer = Buffer.from('Age: ', 'latin1');
const SECOND = 1000;

/** What it tells besides its bytes is to be asked for before the store is asked for anything else, or `hold` called. */
export class NotedAnswer implements Answer {
  readonly logged = null;
  readonly status: number;
  readonly bodyLength: number;
  readonly #answers: NotedAnswers;
  readonly #recipe: Recipe;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #linesEnd: number;
  readonly #headEnd: number;
  readonly #end: number;
  /** ms */
  readonly #age: number;
  #reasons: readonly Reason[] | undefined;
  #told: { readonly lifetime: Lifetime; readonly url: string } | undefined;

  constructor(answers: NotedAnswers, recipe: Recipe, bytes: Buffer, start: number, linesEnd: number, headEnd: number, end: number, age: number) {
    this.status = recipe.status;
    this.bodyLength = end - headEnd;
    this.#answers = answers;
    this.#recipe = recipe;
    this.#bytes = bytes;
    this.#start = start;
    this.#linesEnd = linesEnd;
    this.#headEnd = headEnd;
    this.#end = end;
    this.#age = age;
  }

  get method(): 'GET' | 'HEAD' {
    return this.#recipe.isHead ? 'HEAD' : 'GET';
  }

  get url(): string {
    return this.#tell().url;
  }

  reasons(): readonly Reason[] {
    return (this.#reasons ??= freshReasons(Math.floor(this.#age / SECOND), this.#tell().lifetime));
  }

  whole(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  head(): string {
    return this.#bytes.toString('latin1', this.#start, this.#headEnd);
  }

  chunks(): Iterator<Buffer> {
    return (this.bodyLength === 0 ? [] : [this.#bytes.subarray(this.#headEnd, this.#end)])[Symbol.iterator]();
  }

  /** To be asked for right after it was found: with it the answer can be kept otherwise. */
  prepare(now: number): Preparation {
    const { isHead, host, hasCookie, decidingCount, conditions, status, slots, rest, afterLength, head: first, lifetime: of } = this.#recipe;
    const { lifetime, url: target } = this.#tell();
    const own = `${rest.toString('latin1')}${this.bodyLength}${afterLength.toString('latin1')}`;
    // In one piece: a text of two would keep both beside it.
    const head = { untilAge: this.#bytes.toString('latin1', this.#start, this.#linesEnd + AGE.length), untilTtl: first.untilTtl, rest: own === first.rest ? first.rest : own };
    const shared = lifetime.seconds === of.seconds && lifetime.source === of.source && lifetime.reason.code === of.reason.code && lifetime.reason.detail === of.reason.detail ? of : lifetime;
    return { status, isHead, target, host, hasCookie, decidingCount, conditions, head, preparedAt: now, age: this.#age, lifetime: shared, ...this.#answers.ground(slots), start: 0, end: this.bodyLength };
  }

  pin(): undefined {}

  hold(): void {
    this.#tell();
    this.#answers.letGo(this.#bytes, this.#end);
  }

  #tell(): { readonly lifetime: Lifetime; readonly url: string } {
    return (this.#told ??= this.#answers.describe(this.#recipe));
  }
}
