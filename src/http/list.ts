/**
 * @module http/list
 * Field values that are lists: split where a quoted string does not hide the separator.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.1
 */

/** The characters of a token, as a class for regular expressions: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.2 */
export const TCHAR = "[!#$%&'*+.^_`|~0-9A-Za-z-]";

export interface SplitOptions {
  /** Default ",". */
  readonly separator?: ',' | ';';
  /** Whether a backslash escapes the next character of a quoted string: true (default), but not in entity tags. */
  readonly escapes?: boolean;
}

/**
 * The members of a list without the whitespace around them; empty ones are left out.
 * A quote that is never closed is an ordinary character, so it cannot swallow the members after it.
 */
export function splitList(value: string, { separator = ',', escapes = true }: SplitOptions = {}): string[] {
  const members: string[] = [];
  let start = 0;
  // Once a quote was found to have no end, none after it is looked for: that keeps the time linear.
  let quotes = true;
  for (let i = 0; i <= value.length; i++) {
    const char = value[i];
    if (char === '"' && quotes) {
      const close = closingQuote(value, i, escapes);
      if (close === undefined) quotes = false;
      else i = close;
    } else if (char === separator || char === undefined) {
      const member = trimOws(value.slice(start, i));
      if (member !== '') members.push(member);
      start = i + 1;
    }
  }
  return members;
}

/** Without the optional whitespace at both ends: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.3 */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function closingQuote(value: string, open: number, escapes: boolean): number | undefined {
  for (let i = open + 1; i < value.length; i++) {
    if (value[i] === '"') return i;
    if (escapes && value[i] === '\\') i++;
  }
  return undefined;
}
