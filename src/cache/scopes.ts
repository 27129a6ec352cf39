/**
 * @module cache/scopes
 * What a purge can name, as the text that stamps.ts makes a slot of.
 */
import { normalUrl } from '../http/normal-url.ts';
import { urlOfKey } from './key.ts';

/** All responses of one URL, in any spelling: to GET, and to QUERY whatever its content. */
export function urlScope(key: string): string {
  return `url ${normalUrl(urlOfKey(key))}`;
}

/** All responses with that tag, of any origin; with ANY_TAG, those whose tags are too many to be told apart. */
export function tagScope(tag: string): string {
  return `tag ${tag}`;
}

/** All responses of the key's origin in that group, or with ANY_TAG: https://www.rfc-editor.org/rfc/rfc9875.html#section-2.1 */
export function groupScope(key: string, group: string): string {
  return groupScopeAt(originOf(key), group);
}

function groupScopeAt(origin: string, group: string): string {
  return `group ${origin} ${group}`;
}

function originOf(key: string): string {
  return new URL(urlOfKey(key)).origin;
}

/**
 * All responses of a host: of the origin's, and of the one by which clients knew the proxy where
 * the origin was told that.
 * @param host host[:port] in any case; a port that is the default of http or https does not count
 */
export function hostScope(host: string): string {
  return `host ${host.toLowerCase().replace(/:(?:80|443)?$/, '')}`;
}

/** Whether what the origin was told of a client's URL (ClientRequest.forwardedAs) names that host[:port]. */
export function isForHost(forwardedAs: string, host: string): boolean {
  return hostScope(authorityOf(forwardedAs)) === hostScope(host);
}

/** All scopes of one response; those that are known before it came, where its tags are left out. */
export function scopesOf(key: string, forwardedAs: string, tags: readonly string[] = []): string[] {
  const url = urlOfKey(key);
  const scopes = [urlScope(key), hostScope(authorityOf(url))];
  if (forwardedAs !== '') scopes.push(hostScope(authorityOf(forwardedAs)));
  if (tags.length === 0) return scopes;
  const origin = originOf(key);
  for (const tag of tags) scopes.push(tagScope(tag), groupScopeAt(origin, tag));
  return scopes;
}

/** What stands between scheme and path. */
function authorityOf(url: string): string {
  const start = url.indexOf('://') + 3;
  const end = url.slice(start).search(/[/?#, ]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}
