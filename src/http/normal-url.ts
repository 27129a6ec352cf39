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
  if (start === -1) return withoutDotSegments(withNormalEscapes(url));
  return `${withoutDotSegments(withNormalEscapes(url.slice(0, start)))}${withNormalEscapes(url.slice(start))}`;
}

/** Whether a URL, in whatever spelling, begins so, in whatever spelling. */
export function beginsWith(url: string, prefix: string): boolean {
  return url.startsWith(prefix) || normalUrl(url).startsWith(normalPrefix(prefix));
}

/** Of the last segment nobody knows how it goes on. */
function normalPrefix(prefix: string): string {
  const escaped = withNormalEscapes(prefix);
  const end = escaped.lastIndexOf('/') + 1;
  return escaped.includes('?') ? escaped : withoutDotSegments(escaped.slice(0, end)) + escaped.slice(end);
}

/** Digits in upper case, and what need not be escaped as it is. */
export function withNormalEscapes(text: string): string {
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
