/**
 * @module cache/scopes
 * What a purge can name, as the text that stamps.ts makes a slot of.
 */
import { urlOfKey } from './key.ts';

/** All responses of one URL: to GET, and to QUERY whatever its content. */
export function urlScope(key: string): string {
  return `url ${urlOfKey(key)}`;
}

/** All responses with that tag, of any origin. */
export function tagScope(tag: string): string {
  return `tag ${tag}`;
}

/** All responses of the key's origin in that group: https://www.rfc-editor.org/rfc/rfc9875.html#section-2.1 */
export function groupScope(key: string, group: string): string {
  return `group ${new URL(urlOfKey(key)).origin} ${group}`;
}

/** All scopes of one stored response. */
export function scopesOf(key: string, tags: readonly string[]): string[] {
  const scopes = [urlScope(key)];
  for (const tag of tags) scopes.push(tagScope(tag), groupScope(key, tag));
  return scopes;
}
