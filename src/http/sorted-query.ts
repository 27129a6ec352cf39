/**
 * @module http/sorted-query
 * Query parameters in one order, for the cache key. Only an order that no application can tell apart is
 * changed: parameters that an application may read as one name (`a` and `%61`, `a` and `A`, `a` and
 * `a[]`, `a.b` and `a_b`) keep their order. A query that may be read in other ways is not sorted.
 */
import { withNormalEscapes } from './normal-url.ts';

/** Names that all frameworks take as they are. */
const WORD = /^[\w-]*$/;

/** @param query without its "?" */
export function sortedQuery(query: string): string {
  // Some frameworks take ";" for "&".
  if (!query.includes('&') || query.includes(';')) return query;
  const parameters = query.split('&').map((text) => ({ text, name: nameOf(text), sortedBy: '' }));
  const areWords = parameters.every(({ name }) => WORD.test(name));
  for (const parameter of parameters) {
    const stem = areWords ? parameter.name : stemOf(parameter.name);
    if (stem === undefined) return query;
    parameter.sortedBy = stem;
  }
  // The sort is stable.
  parameters.sort((a, b) => (a.sortedBy < b.sortedBy ? -1 : a.sortedBy > b.sortedBy ? 1 : 0));
  return parameters.map(({ text }) => text).join('&');
}

/** Decoded as far as it makes no difference, and in lower case, since ASP.NET ignores case. */
function nameOf(parameter: string): string {
  return withNormalEscapes(parameter.split('=', 1)[0]!).toLowerCase();
}

/**
 * What names have in common that may mean one value: PHP reads `a.b` and `a%20b` as `a_b`, and ends a name at
 * a NUL; many read `a[b]` or `a.b` as a part of `a`. Undefined where the name begins with another character:
 * PHP ignores a space there, and others read `[a]` as `a`.
 */
function stemOf(name: string): string | undefined {
  return /^(?:(?=\w)[a-z\d-]*|$)/.exec(name)?.[0];
}
