/**
 * @module http/fields
 * Header and trailer fields in the order and case they were received: a flat list of
 * name, value, name, value … as node's `rawHeaders`. Names are matched without regard to case.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-5
 */
export class Fields {
  /** name, value, name, value …; read it, but change it only through the methods. */
  readonly lines: string[];
  /** What was worked out of the lines to send them, for as long as they stay as they are; see origin/plain-request. */
  sendable: string | undefined;

  constructor(lines: string[] = []) {
    this.lines = lines;
  }

  /** Fields from pairs; meant for literals. */
  static of(pairs: Readonly<Record<string, string | readonly string[]>>): Fields {
    const fields = new Fields();
    for (const [name, value] of Object.entries(pairs)) {
      for (const line of typeof value === 'string' ? [value] : value) fields.append(name, line);
    }
    return fields;
  }

  /** How many field lines there are. */
  get size(): number {
    return this.lines.length / 2;
  }

  /** The combined field value: the lines joined by ", " (RFC 9110 §5.2), or undefined where absent. */
  get(name: string): string | undefined {
    let combined: string | undefined;
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) {
      if (!sameName(lines[i]!, name)) continue;
      combined = combined === undefined ? lines[i + 1]! : `${combined}, ${lines[i + 1]!}`;
    }
    return combined;
  }

  /** The value of the first line of that name. */
  first(name: string): string | undefined {
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) if (sameName(lines[i]!, name)) return lines[i + 1];
    return undefined;
  }

  /** The values of all lines of that name, in order. */
  all(name: string): string[] {
    const values: string[] = [];
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) if (sameName(lines[i]!, name)) values.push(lines[i + 1]!);
    return values;
  }

  has(name: string): boolean {
    return this.first(name) !== undefined;
  }

  append(name: string, value: string): this {
    this.sendable = undefined;
    this.lines.push(name, value);
    return this;
  }

  /** Replaces all lines of that name by one; it takes the place of the first, or the end. */
  set(name: string, value: string): this {
    this.sendable = undefined;
    const lines = this.lines;
    for (let i = 0; i < lines.length; i += 2) {
      if (!sameName(lines[i]!, name)) continue;
      lines[i + 1] = value;
      this.#deleteFrom(i + 2, name);
      return this;
    }
    lines.push(name, value);
    return this;
  }

  delete(name: string): this {
    this.#deleteFrom(0, name);
    return this;
  }

  clone(): Fields {
    return new Fields(this.lines.slice());
  }

  /** The distinct names, in lower case, in order of first appearance. */
  names(): Set<string> {
    const names = new Set<string>();
    for (let i = 0; i < this.lines.length; i += 2) names.add(this.lines[i]!.toLowerCase());
    return names;
  }

  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (let i = 0; i < this.lines.length; i += 2) yield [this.lines[i]!, this.lines[i + 1]!];
  }

  #deleteFrom(start: number, name: string): void {
    this.sendable = undefined;
    const lines = this.lines;
    let kept = start;
    for (let i = start; i < lines.length; i += 2) {
      if (sameName(lines[i]!, name)) continue;
      if (kept !== i) {
        lines[kept] = lines[i]!;
        lines[kept + 1] = lines[i + 1]!;
      }
      kept += 2;
    }
    // To set it takes V8 a while, even to what it is.
    if (kept < lines.length) lines.length = kept;
  }
}

/** A field name as a CGI or WSGI program sees it, to which X_Api_Key is X-Api-Key: in lower case, "-" for "_". */
export function plainName(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

/** Without strings in lower case: most names that are compared differ, and that in a character at the front. */
function sameName(a: string, b: string): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const letter = x | 0x20;
    if (letter !== (y | 0x20) || letter < 0x61 || letter > 0x7a) return false;
  }
  return true;
}
