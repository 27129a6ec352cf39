/**
 * @module http/structured
 * Structured fields: parsed strictly by a library, written by hand where a response needs them
 * (two scalars are all our fields are made of, and they are written for every response).
 * Source: https://www.rfc-editor.org/rfc/rfc9651.html
 */
import { type DisplayString, type Token, parseDictionary as parseDictionaryStrictly, parseList as parseListStrictly } from 'structured-headers';
import { splitList } from './list.ts';

/** A Decimal, kept apart from an Integer: `3600.0` is not 3600 where an Integer is asked for. */
export class Decimal {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** What parsing gives; the library's own type names one of the DOM, which is not here. */
export type BareItem = number | string | boolean | Token | ArrayBuffer | Date | DisplayString | Decimal;
type Parameters = Map<string, BareItem>;
type Item = [value: BareItem, parameters: Parameters];
type InnerList = [items: Item[], parameters: Parameters];
export type List = (Item | InnerList)[];
/** The members by key: an item or an inner list, each with its parameters. */
export type Dictionary = Map<string, Item | InnerList>;

/**
 * A Dictionary, or undefined where the text is none: one error anywhere makes the whole field invalid.
 * https://www.rfc-editor.org/rfc/rfc9651.html#section-4.2.2
 */
export function parseDictionary(text: string): Dictionary | undefined {
  let dictionary: Dictionary;
  try {
    dictionary = parseDictionaryStrictly(text);
  } catch {
    return undefined;
  }
  // The library reads Decimals as the same plain numbers as Integers; the text still tells them apart.
  // Of several members with one key the last one counts, for the library as here.
  const texts = new Map(splitList(text).map((member) => [/^[^=;]*/.exec(member)![0], member]));
  for (const [key, [value, parameters]] of dictionary) {
    if (typeof value === 'number' && /^[^=]*=-?\d+\./.test(texts.get(key) ?? '')) dictionary.set(key, [new Decimal(value), parameters]);
  }
  return dictionary;
}

/** A List, or undefined where the text is none. https://www.rfc-editor.org/rfc/rfc9651.html#section-4.2.1 */
export function parseList(text: string): List | undefined {
  try {
    return parseListStrictly(text);
  } catch {
    return undefined;
  }
}

/**
 * A String, cut after 256 characters; those a String cannot hold become "?".
 * https://www.rfc-editor.org/rfc/rfc9651.html#section-4.1.6
 */
export function formatString(text: string): string {
  return `"${text.slice(0, 256).replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}

/** A Token where the text can be one, else a String. https://www.rfc-editor.org/rfc/rfc9651.html#section-4.1.7 */
export function formatTokenOrString(text: string): string {
  return /^[A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]{0,255}$/.test(text) ? text : formatString(text);
}

/** An Integer, rounded down and held within 15 digits. https://www.rfc-editor.org/rfc/rfc9651.html#section-4.1.4 */
export function formatInteger(value: number): string {
  const limit = 999_999_999_999_999;
  return String(Math.max(-limit, Math.min(limit, Math.floor(value) || 0)));
}
