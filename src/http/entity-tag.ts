/**
 * @module http/entity-tag
 * Entity tags and lists of them, and the two ways to compare.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.3
 */
import { splitList, trimOws } from './list.ts';

export interface EntityTag {
  readonly weak: boolean;
  /** With its quotes. A tag sent without quotes keeps none, so it equals only one that has none either. */
  readonly opaque: string;
}

/**
 * An entity tag. Two forms outside the grammar are read too, as origins send them and get them back from
 * clients unchanged: without quotes, and with spaces between the quotes. Undefined for anything else.
 */
export function parseEntityTag(text: string): EntityTag | undefined {
  const match = /^(W\/)?("[^"]*"|[^" \t]+)$/.exec(trimOws(text));
  return match ? { weak: match[1] !== undefined, opaque: match[2]! } : undefined;
}

/** The tags of If-Match or If-None-Match: "*", or the members that can be read, in order. */
export function parseEntityTagList(value: string): EntityTag[] | '*' {
  if (trimOws(value) === '*') return '*';
  // A backslash is an ordinary character of a tag.
  return splitList(value, { escapes: false }).map(parseEntityTag).filter((tag) => tag !== undefined);
}

/** The same bytes: both are strong, and equal. https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.3.2 */
export function strongMatch(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque;
}

/** Equivalent: the tags are equal, whether weak or not. https://www.rfc-editor.org/rfc/rfc9110.html#section-8.8.3.2 */
export function weakMatch(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}
