/**
 * @module policy/groups
 * Groups of responses that are invalidated together: Cache-Groups (RFC 9875), and the field's older
 * names for the same.
 * Source: https://www.rfc-editor.org/rfc/rfc9875.html
 */
import type { Fields } from '../http/fields.ts';
import { parseList } from '../http/structured.ts';

/** Fields by which origins tag responses for the caches in front of them, with what stands between two tags. */
const TAG_FIELDS: readonly (readonly [name: string, separator: RegExp])[] = [
  ['surrogate-key', /\s+/],
  ['cache-tag', /,/],
  ['xkey', /[\s,]+/],
];

/** The tag fields that are for this cache, and not for the client. */
export const TAG_FIELD_NAMES: readonly string[] = TAG_FIELDS.map(([name]) => name);

/** Tags of one response that are told apart; RFC 9875 §2.2 asks for at least 32. */
export const MAX_TAGS = 1024;
/** Characters of all of them together; RFC 9875 §2.2 asks for at least 32 in each. */
export const MAX_TAG_CHARACTERS = 32 * 1024;

/** In place of the tags of a response that has more of them than are told apart: any purge by tag hits it. No field can state it. */
export const ANY_TAG = '';

/** The groups a response belongs to, by any of the fields; unique, case-sensitive. ANY_TAG alone where they are too many. */
export function tagsOf(response: Fields): readonly string[] {
  const tags = statedTags(response);
  const characters = tags.reduce((sum, tag) => sum + tag.length, 0);
  return tags.length > MAX_TAGS || characters > MAX_TAG_CHARACTERS ? [ANY_TAG] : tags;
}

/** All tags that the fields of a message name, however many. */
export function statedTags(fields: Fields): string[] {
  const tags = new Set(groupList(fields, 'cache-groups'));
  for (const [name, separator] of TAG_FIELDS) {
    for (const line of fields.all(name)) for (const tag of line.split(separator)) tags.add(tag.trim());
  }
  tags.delete('');
  return [...tags];
}

/** The groups of its own origin that the response to an unsafe request makes out of date: https://www.rfc-editor.org/rfc/rfc9875.html#section-3 */
export function invalidatedGroups(response: Fields): string[] {
  return groupList(response, 'cache-group-invalidation');
}

/** A List of Strings; a field that is none is ignored as a whole, members of other types one by one. */
function groupList(fields: Fields, name: string): string[] {
  const value = fields.get(name);
  const list = value === undefined ? undefined : parseList(value);
  return (list ?? []).map(([item]) => item).filter((item) => typeof item === 'string');
}
