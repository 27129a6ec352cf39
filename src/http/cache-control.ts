/**
 * @module http/cache-control
 * Cache directives: of Cache-Control, read with tolerance, and of targeted fields such as
 * CDN-Cache-Control, read strictly. Neither parser throws.
 * Sources: https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2, https://www.rfc-editor.org/rfc/rfc9213.html
 */
import { Token } from 'structured-headers';
import { splitList, TCHAR } from './list.ts';
import { type BareItem, parseDictionary } from './structured.ts';

/** Stands for every larger figure: https://www.rfc-editor.org/rfc/rfc9111.html#section-1.2.2 */
export const MAX_SECONDS = 2147483648;

/** A directive's name in lower case and its argument, unquoted; undefined: none. */
export type Directive = readonly [name: string, argument: string | undefined];

/** The directives of one field. Names are asked for in lower case. */
export class Directives {
  /**
   * The names of members that follow no syntax (`no-store=`, `private;`, `max-age = 5`). They are not among
   * the directives, but a malformed one that would forbid something is better read as forbidding it.
   */
  readonly malformedNames: ReadonlySet<string>;
  readonly #arguments = new Map<string, (string | undefined)[]>();

  constructor(directives: Iterable<Directive>, malformedNames: Iterable<string> = []) {
    for (const [name, argument] of directives) {
      const known = this.#arguments.get(name);
      if (known === undefined) this.#arguments.set(name, [argument]);
      else known.push(argument);
    }
    this.malformedNames = new Set(malformedNames);
  }

  /** How many different well-formed directives there are. */
  get size(): number {
    return this.#arguments.size;
  }

  /** Whether it is there, well-formed. */
  has(name: string): boolean {
    return this.#arguments.has(name);
  }

  names(): Iterable<string> {
    return this.#arguments.keys();
  }

  /** The first argument given. */
  value(name: string): string | undefined {
    return this.values(name)[0];
  }

  /** All arguments, in order. */
  values(name: string): string[] {
    return (this.#arguments.get(name) ?? []).filter((argument) => argument !== undefined);
  }

  /**
   * The argument as delta-seconds, at most MAX_SECONDS: undefined where the directive is absent,
   * 'invalid' where any of its occurrences is not a whole number (or has none, which is legal
   * for max-stale only; see `values`).
   * Of several numbers the lowest is taken: RFC 9111 allows the first, or taking the response for
   * stale; the lowest never keeps a response longer than any of the numbers allows.
   * https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.1
   */
  seconds(name: string): number | undefined | 'invalid' {
    if (this.malformedNames.has(name)) return 'invalid';
    const given = this.#arguments.get(name);
    if (given === undefined) return undefined;
    let lowest = MAX_SECONDS;
    for (const argument of given) {
      if (argument === undefined || !/^\d+$/.test(argument)) return 'invalid';
      lowest = Math.min(lowest, Number(argument));
    }
    return lowest;
  }

  /** The field names that the arguments list, in lower case, for `no-cache="a, b"` and `private="a"`. */
  fieldNames(name: string): string[] {
    const members = this.values(name).flatMap((argument) => splitList(argument));
    return [...new Set(members.map((member) => member.toLowerCase()))];
  }

  /**
   * Whether the directive concerns only the fields it names. One occurrence without an argument, or with one
   * that is no list of field names, makes it unqualified: the stricter reading.
   */
  isQualified(name: string): boolean {
    const given = this.#arguments.get(name);
    return given !== undefined && !this.malformedNames.has(name) && given.every(listsFieldNames);
  }
}

const FIELD_NAME = new RegExp(`^${TCHAR}+$`);

function listsFieldNames(argument: string | undefined): boolean {
  const members = argument === undefined ? [] : splitList(argument);
  return members.length > 0 && members.every((member) => FIELD_NAME.test(member));
}

// token [ "=" ( token / quoted-string ) ], without whitespace around the "=".
const DIRECTIVE = new RegExp(`^(${TCHAR}+)(?:=(?:(${TCHAR}+)|"([^"\\\\]*(?:\\\\[^][^"\\\\]*)*)"))?$`);
const LEADING_TOKEN = new RegExp(`^${TCHAR}+`);

const NO_DIRECTIVES = new Directives([]);

/** The directives of single lines that were read before: most messages have one of a few. */
const known = new Map<string, Directives>();
const MAX_KNOWN = 1000;
/** Characters. */
const MAX_KNOWN_LENGTH = 200;

/** The directives of all Cache-Control lines of a message. https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2 */
export function parseCacheControl(lines: readonly string[]): Directives {
  const [line, another] = lines;
  if (line === undefined) return NO_DIRECTIVES;
  if (another !== undefined || line.length > MAX_KNOWN_LENGTH) return parseLines(lines);
  const found = known.get(line);
  if (found !== undefined) return found;
  const directives = parseLines(lines);
  if (known.size === MAX_KNOWN) known.clear();
  known.set(line, directives);
  return directives;
}

function parseLines(lines: readonly string[]): Directives {
  const directives: Directive[] = [];
  const malformed: string[] = [];
  for (const member of lines.flatMap(membersOf)) {
    const [, name, token, quoted] = DIRECTIVE.exec(member) ?? [];
    if (name !== undefined) directives.push([name.toLowerCase(), token ?? quoted?.replace(/\\([^])/g, '$1')]);
    else malformed.push(...(LEADING_TOKEN.exec(member) ?? []).map((found) => found.toLowerCase()));
  }
  return new Directives(directives, malformed);
}

/** A semicolon separates as a comma does: whoever writes "public; max-age=1" means both directives, and nginx reads both. */
function membersOf(line: string): string[] {
  const members = splitList(line);
  return line.includes(';') ? members.flatMap((member) => splitList(member, { separator: ';' })) : members;
}

const SECONDS = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);
const FLAGS = new Set(['must-revalidate', 'proxy-revalidate', 'must-understand', 'no-store', 'no-transform', 'public', 'immutable']);
const FLAG_OR_FIELD_NAMES = new Set(['no-cache', 'private']);

/**
 * The directives of a targeted field such as CDN-Cache-Control; undefined where it is to be ignored, as if
 * absent: it is empty, or no Dictionary, or all it has is a lifetime of the wrong type.
 * A value of a type its directive does not have is not consumed; the directive counts as malformed.
 * Parameters are ignored. https://www.rfc-editor.org/rfc/rfc9213.html#section-2.1
 */
export function parseTargetedCacheControl(lines: readonly string[]): Directives | undefined {
  const dictionary = parseDictionary(lines.join(', '));
  if (dictionary === undefined) return undefined;
  const directives: Directive[] = [];
  const malformed: string[] = [];
  for (const [name, [value]] of dictionary) {
    if (!hasTypeOf(name, value)) malformed.push(name);
    else if (value === true) directives.push([name, undefined]);
    else if (isText(value)) directives.push([name, String(value)]);
  }
  if (directives.length === 0 && malformed.every((name) => SECONDS.has(name))) return undefined;
  return new Directives(directives, malformed);
}

type Value = BareItem | unknown[];

/** Whether the value has a type the directive may have. Extensions may have any. */
function hasTypeOf(name: string, value: Value): boolean {
  if (SECONDS.has(name)) return typeof value === 'number';
  if (FLAGS.has(name)) return value === true;
  if (FLAG_OR_FIELD_NAMES.has(name)) return value === true || typeof value === 'string';
  return true;
}

/** What of an extension can be shown as an argument; `?0` says that the directive is not meant. */
function isText(value: Value): value is string | number | Token {
  return typeof value === 'string' || typeof value === 'number' || value instanceof Token;
}
