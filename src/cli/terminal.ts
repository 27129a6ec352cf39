/**
 * @module cli/terminal
 * What a person reads: everything that is no result goes to standard error, so that standard
 * output holds nothing but the log or the answer asked for.
 */
import { styleText } from 'node:util';
import { printable } from '../server/printable.ts';

type Style = Parameters<typeof styleText>[0];

/** A line for the person at the terminal. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Something that goes on, but should be known. */
export function warn(text: string): void {
  say(`${styleText('yellow', 'warning:', { stream: process.stderr })} ${printable(text)}`);
}

/** Text in a style where standard output is a terminal that has colours (NO_COLOR is heeded). */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Says what is waited for, where waiting takes more than a second and somebody is watching. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work;
  let shown = false;
  const startedAt = performance.now();
  const timer = setInterval(() => {
    shown = true;
    process.stderr.write(`\r${printable(what)} … ${Math.round((performance.now() - startedAt) / 1000)}s`);
  }, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    // Back to the start of the line, and clear it.
    if (shown) process.stderr.write('\r\u001B[K');
  }
}
