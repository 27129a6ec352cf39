/**
 * @module http/normal-url
 * URLs that differ in spelling alone, in one spelling. Stored responses keep the spelling that their origin was
 * asked with, as it may answer each otherwise; who purges one means all.
 * Source: https://www.rfc-editor.org/rfc/rfc3986.html#section-6.2.2
 */

/** @param url scheme and host in lower case already */
export function normalUrl(url: string): string {
  // Nearly every URL.
  if (!url.includes('%') && !url.includes('/.')) return url;
  const start = url.indexOf('?');
  const before = start === -1 ? url : url.slice(0, start);
  const path = withoutDotSegments(withNormalEscapes(before));
  if (start === -1) return path;
  const query = url.slice(start + 1);
  return `${path}?${isSorted(query) ? sortedQuery(withNormalEscapes(query)) : withNormalEscapes(query)}`;
}

/** Whether a URL, in whatever spelling, begins so, in whatever spelling. */
export function beginsWith(url: string, prefix: string): boolean {
  return url.startsWith(prefix) || normalUrl(url).startsWith(normalPrefix(prefix));
}

/** Parameters sorted by the raw name, stably and without decoding: what differs in bytes stays different. */
export function sortedQuery(query: string): string {
  if (!query.includes('&')) return query;
  const parameters = query.split('&').map((text) => ({ text, name: nameOf(text) }));
  parameters.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return parameters.map(({ text }) => text).join('&');
}

/** Of the last segment nobody knows how it goes on. */
function normalPrefix(prefix: string): string {
  const escaped = withNormalEscapes(prefix);
  const end = escaped.lastIndexOf('/') + 1;
  return escaped.includes('?') ? escaped : withoutDotSegments(escaped.slice(0, end)) + escaped.slice(end);
}

/** Digits in upper case, and what need not be escaped as it is. */
function withNormalEscapes(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (escape, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return /[\w.~-]/.test(character) ? character : escape.toUpperCase();
  });
}

/** https://www.rfc-editor.org/rfc/rfc3986.html#section-5.2.4 */
function withoutDotSegments(url: string): string {
  if (!url.includes('/.')) return url;
  const start = url.indexOf('/', url.indexOf('://') + 3);
  const segments = url.slice(start + 1).split('/');
  const kept: string[] = [];
  segments.forEach((segment, i) => {
    const isLast = i === segments.length - 1;
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if (isLast && (segment === '.' || segment === '..')) kept.push('');
  });
  return `${url.slice(0, start + 1)}${kept.join('/')}`;
}

/** As keys have it, unless queries are not sorted there. */
function isSorted(query: string): boolean {
  const names = query.split('&').map(nameOf);
  return names.every((name, i) => i === 0 || names[i - 1]! <= name);
}

function nameOf(parameter: string): string {
  return parameter.split('=', 1)[0]!;
}
