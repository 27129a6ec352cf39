/**
 * @module http/known-names
 * Field names as strings, of which nearly every one was met before: then no string is made, and what
 * is looked up by it need not work out its hash again. Measured on heads of eight fields: a quarter less
 * time from the bytes to a head that is written again.
 */

const PLACES = 1024;
/** Characters of a name that is remembered: who sends it may make it long. */
const MAX_NAME = 40;

export class KnownNames {
  readonly #names: (string | undefined)[] = Array.from({ length: PLACES }, () => undefined);

  /** Bytes [start, end) as latin1. @param hash of them, in whatever way; letter case may count or not */
  at(bytes: Buffer, start: number, end: number, hash: number): string {
    const place = (hash ^ (hash >>> 10)) & (PLACES - 1);
    const known = this.#names[place];
    if (known !== undefined && stands(known, bytes, start, end)) return known;
    const name = bytes.toString('latin1', start, end);
    if (name.length <= MAX_NAME) this.#names[place] = name;
    return name;
  }
}

function stands(name: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return false;
  return true;
}
