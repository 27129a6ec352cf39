/**
 * @module cli/counted
 * A number with its noun.
 */

/** `1 request`, `2 requests`. @param plural where that is more than an "s" behind the noun */
export function counted(count: number, noun: string, plural: string = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
