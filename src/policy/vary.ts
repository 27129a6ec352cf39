/**
 * @module policy/vary
 * Selecting header fields: which stored response fits which request.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.1
 */
import { createHash } from 'node:crypto';
import type { Fields } from '../http/fields.ts';
import { trimOws } from '../http/list.ts';
import { parseWeighted } from '../http/weighted.ts';

/** Lists whose order and case carry no meaning beyond their weights. */
const WEIGHTED: ReadonlySet<string> = new Set(['accept-language', 'accept-encoding', 'accept-charset']);

/**
 * Characters. A longer value counts by its digest: it is compared with those of all variants, and kept
 * with each of them, and a client must not make either dear.
 */
const LONG = 512;

/** Names in Vary that a response is selected by: each is compared for every variant, and an origin must not make that dear. */
const MAX_NAMES = 64;
/** Characters of Vary in a reason. */
const LONGEST_DETAIL = 80;
/** In lower case: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.2 */
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** What selected a stored response: the fields of selectingNames(), and the request's normalised values of them. */
export interface Selection {
  /** In lower case, sorted. */
  readonly names: readonly string[];
  /** In the order of names; null where the request had no such field. */
  readonly values: readonly (string | null)[];
  /** Content-Language of the response, in lower case, where Vary names Accept-Language; else null. */
  readonly language: string | null;
  /** See ClientRequest.forwardedAs. */
  readonly forwardedAs: string;
}

/**
 * The names in Vary in lower case, sorted and unique. '*' where any member is "*", and where it cannot be
 * known or is not worth knowing what selects: a member that is no field name, or more than MAX_NAMES.
 */
export function varyNames(fields: Fields): readonly string[] | '*' {
  const names = new Set<string>();
  for (const line of fields.all('vary')) {
    for (const member of line.split(',')) {
      const name = trimOws(member).toLowerCase();
      if (name === '') continue;
      if (name === '*' || !TOKEN.test(name)) return '*';
      names.add(name);
      if (names.size > MAX_NAMES) return '*';
    }
  }
  return [...names].sort();
}

/** The Vary that counts as "*", as a reason shows it. */
export function varyDetail(request: Fields, response: Fields): string {
  const value = varyNames(response) === '*' ? `Vary: ${response.get('vary') ?? ''}` : `request Vary: ${request.get('vary') ?? ''}`;
  return value.length > LONGEST_DETAIL ? `${value.slice(0, LONGEST_DETAIL)}…` : value;
}

/**
 * The fields that a request says its response depends on: a Vary of its own, as Mercurial sends where
 * arguments stand in header fields, and the fields that it names. '*': such a response serves nobody else.
 */
export function requestedNames(request: Fields): readonly string[] | '*' {
  const vary = request.get('vary');
  if (vary === undefined) return NONE;
  const names = vary.length > LONG ? '*' : varyNames(request);
  return names === '*' ? '*' : [...new Set(['vary', ...names])];
}

const NONE: readonly string[] = [];

/**
 * The names of the fields that select the response, sorted and unique: those in its Vary, those that the
 * request names, and Accept-Encoding where it has a Content-Encoding, since a client that refuses that
 * coding cannot use it. '*' where no later request can match.
 */
export function selectingNames(request: Fields, response: Fields): readonly string[] | '*' {
  const stated = varyNames(response);
  const requested = requestedNames(request);
  if (stated === '*' || requested === '*') return '*';
  if (requested.length === 0 && !isEncoded(response)) return stated;
  return [...new Set([...stated, ...requested, ...(isEncoded(response) ? ['accept-encoding'] : [])])].sort();
}

function isEncoded(response: Fields): boolean {
  const coding = response.get('content-encoding')?.trim().toLowerCase();
  return coding !== undefined && coding !== '' && coding !== 'identity';
}

/** What selects this response; undefined where nothing can (Vary: *). */
export function selectionOf(request: Fields, forwardedAs: string, response: Fields): Selection | undefined {
  const names = selectingNames(request, response);
  if (names === '*') return undefined;
  const language = names.includes('accept-language') ? (response.get('content-language')?.trim().toLowerCase() ?? null) : null;
  const selecting = new SelectingFields(request);
  return { names, values: names.map((name) => selecting.value(name)), language, forwardedAs };
}

/** Whether a newer response to the same selects by more than what selected the stored one, which nobody has compared then. */
export function selectsFurther(newer: Fields, { names }: Selection): boolean {
  const newerNames = varyNames(newer);
  return newerNames === '*' || newerNames.some((name) => !names.includes(name));
}

/** In place of a field's name: the client knows the proxy by another host name or scheme. */
export const OTHER_HOST = 'forwarded host';

/** The fields of one request by name, for the comparison with any number of variants: they are looked through once. */
export class SelectingFields {
  readonly #request: Fields;
  #index: Map<string, string> | undefined;
  readonly #values = new Map<string, string | null>();

  constructor(request: Fields) {
    this.#request = request;
  }

  /** The normalised value, null where the field is absent. @param name in lower case */
  value(name: string): string | null {
    let value = this.#values.get(name);
    if (value === undefined) {
      const stated = this.stated(name);
      value = stated === undefined ? null : normalised(stated, name);
      this.#values.set(name, value);
    }
    return value;
  }

  /** Without an index where no other field was asked for: most responses are selected by none. */
  has(name: string): boolean {
    return this.#index === undefined ? this.#request.has(name) : this.#index.has(name);
  }

  /** The combined value as the request states it. @param name in lower case */
  stated(name: string): string | undefined {
    this.#index ??= indexOf(this.#request);
    return this.#index.get(name);
  }
}

function indexOf(request: Fields): Map<string, string> {
  const index = new Map<string, string>();
  for (const [name, value] of request) {
    const lower = name.toLowerCase();
    const before = index.get(lower);
    index.set(lower, before === undefined ? value : `${before}, ${value}`);
  }
  return index;
}

/** The name of a selecting field that does not match, or OTHER_HOST; undefined where all do. */
export function firstMismatch(selection: Selection, request: SelectingFields, forwardedAs: string): string | undefined {
  if (selection.forwardedAs !== forwardedAs) return OTHER_HOST;
  for (const [i, name] of selection.names.entries()) {
    if (request.value(name) === selection.values[i]) continue;
    if (name === 'accept-language' && isPreferredLanguage(request.stated(name) ?? '', selection.language)) continue;
    return name;
  }
  return request.has('vary') && !selection.names.includes('vary') ? 'vary' : undefined;
}

/**
 * A field's value without what carries no meaning: lines combined, white space around commas
 * removed, and for weighted lists also case and order. A value with quotes, which may hide a comma,
 * is taken as it stands.
 */
function normalised(value: string, name: string): string {
  // No other value begins with a space.
  if (value.length > LONG) return ` sha256:${createHash('sha256').update(value, 'latin1').digest('base64url')}`;
  if (value.includes('"')) return trimOws(value);
  return WEIGHTED.has(name) ? canonicalWeights(value) : value.split(',').map(trimOws).join(',');
}

/** Members by weight, then by name: equal for all spellings of the same preference. */
function canonicalWeights(value: string): string {
  return parseWeighted(value)
    .map(({ value: member, q }) => `${member};q=${q}`)
    .sort()
    .join(',');
}

/**
 * The stored response is in the one language that the request prefers over all others: the origin
 * has it, so negotiation would select it again.
 */
function isPreferredLanguage(preferred: string, language: string | null): boolean {
  if (language === null || preferred.length > LONG) return false;
  const [best, second] = parseWeighted(preferred);
  return best !== undefined && best.q > 0 && best.value === language && (second === undefined || second.q < best.q);
}
