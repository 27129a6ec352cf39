/**
 * @module cache/recipes
 * How answers are made of stored objects: what those of many objects have in common, by number.
 */
import type { Lifetime } from '../policy/freshness.ts';
import type { SplitHead } from './memo.ts';
import type { Lying } from './ports.ts';
import type { Condition, Preparation } from './prepared-answer.ts';

/** The number of none. */
export const NO_RECIPE = 0;
/** Recipes that are kept: those of clients that send ever new Hosts must not stay. */
const MAX_RECIPES = 1024;

/** What the answers of many objects have in common. */
export interface Recipe {
  readonly isHead: boolean;
  readonly host: string;
  readonly hasCookie: boolean;
  readonly decidingCount: number;
  readonly conditions: readonly Condition[];
  /** Characters of a key before the request target. */
  readonly prefix: number;
  readonly status: number;
  /** In the stamps, besides that of the URL. */
  readonly slots: readonly number[];
  /** The head: this, the lines of what is stored, */
  readonly statusLine: Buffer;
  /** the Age, */
  readonly untilTtl: Buffer;
  /** the ttl, and these, with the length of the body between them. */
  readonly rest: Buffer;
  readonly afterLength: Buffer;
  /** The head of the first of them; those that are prepared otherwise mostly share its texts. */
  readonly head: SplitHead;
  /** What policy said of the first. */
  readonly lifetime: Lifetime;
}

export class Recipes {
  /** Numbers are never used again. */
  #first = NO_RECIPE + 1;
  #recipes: Recipe[] = [];
  readonly #numbers = new Map<string, number>();

  get(number: number): Recipe | undefined {
    return this.#recipes[number - this.#first];
  }

  /** The number of the recipe for such answers, made of what lies there; NO_RECIPE where none can be made. */
  numberFor({ isHead, host, hasCookie, decidingCount, conditions, target, status, slots, head, lifetime, end }: Preparation, { bytes, key, meta, body, end: bodyEnd }: Lying): number {
    const prefix = meta - key - target.length;
    const lengthText = `\r\nContent-Length: ${end}\r\n`;
    const lengthAt = head.rest.indexOf(lengthText);
    if (prefix < 0 || bytes.toString('latin1', key + prefix, meta) !== target || end !== bodyEnd - body || lengthAt === -1) return NO_RECIPE;
    const statusLine = head.untilAge.slice(0, head.untilAge.indexOf('\r\n') + 2);
    const rest = head.rest.slice(0, lengthAt + lengthText.length - `${end}\r\n`.length);
    const afterLength = head.rest.slice(rest.length + String(end).length);
    // What is sent has no NUL.
    let name = `${isHead} ${hasCookie} ${prefix} ${status} ${slots.slice(1).join()}\0${host}\0${statusLine}\0${head.untilTtl}\0${rest}\0${afterLength}`;
    if (conditions.length > 0) name += JSON.stringify(conditions);
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#recipes.length === MAX_RECIPES) this.forget();
    this.#recipes.push({ isHead, host, hasCookie, decidingCount, conditions, prefix, status, slots: slots.slice(1), statusLine: latin1(statusLine), untilTtl: latin1(head.untilTtl), rest: latin1(rest), afterLength: latin1(afterLength), head, lifetime });
    const number = this.#first + this.#recipes.length - 1;
    this.#numbers.set(name, number);
    return number;
  }

  /** Their numbers lead nowhere from now on. */
  forget(): void {
    this.#first += this.#recipes.length;
    this.#recipes = [];
    this.#numbers.clear();
  }
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
