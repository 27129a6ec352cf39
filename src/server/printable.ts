/**
 * @module server/printable
 */

/**
 * Text that came from outside, made safe to show: control characters (which could forge lines or
 * steer the terminal) and characters that reorder or hide text are written as JSON escapes them.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
