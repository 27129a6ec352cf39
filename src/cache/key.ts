/**
 * @module cache/key
 * The cache key: method, origin URL, request path and sorted query parameters. GET and HEAD share
 * one. The URL is as the origin gets it and holds no space or control character, so that the parts,
 * joined, cannot be read in two ways.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-2
 */
import { createHash } from 'node:crypto';
import type { Fields } from '../http/fields.ts';
import { normalUrl } from '../http/normal-url.ts';
import { sortedQuery } from '../http/sorted-query.ts';
import type { Target } from './ports.ts';

/** @param sortQuery parameters in another order are the same key, where no application can tell */
export function cacheKey(target: Target, sortQuery: boolean): string {
  return `GET ${target.scheme}://${target.authority}${sortQuery ? withSortedQuery(target.path) : target.path}`;
}

/**
 * The key of a QUERY: its content and the metadata of that are parts of it.
 * Source: https://www.rfc-editor.org/rfc/rfc10008.html#section-2.7
 */
export function queryKey(target: Target, sortQuery: boolean, request: Fields, content: Buffer): string {
  const digest = createHash('sha256');
  for (const name of CONTENT_METADATA) digest.update(`${name}: ${request.get(name) ?? ''}\n`);
  digest.update(content);
  return `QUERY${cacheKey(target, sortQuery).slice('GET'.length)} ${digest.digest('base64url')}`;
}

/** What says how content is to be read. */
const CONTENT_METADATA = ['content-type', 'content-encoding', 'content-language'] as const;

/** The URL a key stands for. */
export function urlOfKey(key: string): string {
  return key.split(' ', 2)[1]!;
}

export function urlOf(target: Target): string {
  return `${target.scheme}://${target.authority}${target.path}`;
}

/** The key that the same request has with its URL in the normal spelling. */
export function normalKey(key: string): string {
  const url = urlOfKey(key);
  const normal = normalUrl(url);
  return normal === url ? key : key.replace(url, () => normal);
}

function withSortedQuery(path: string): string {
  const start = path.indexOf('?');
  return start === -1 ? path : `${path.slice(0, start)}?${sortedQuery(path.slice(start + 1))}`;
}
