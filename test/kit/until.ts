/**
 * @module test/kit/until
 * A bounded poll, for a state that no event announces.
 */
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';

const LIMIT_MS = 20_000;
/** What takes longer than this is no longer polled on every turn of the event loop. */
const EAGER_MS = 50;
const PAUSE_MS = 5;
/** The longer it takes, the less often it is polled: a poll of another process costs both of them. */
const PAUSE_SHARE = 0.05;

// Tests replace the timers by mocks.
const { setImmediate, setTimeout } = globalThis;

/**
 * Asks until `isSo` holds for the value, or until the value is truthy where there is no `isSo`.
 * Fails after 20 seconds with the value it saw last.
 * @param what completes "Waited 20 s until": "/a is a hit"
 */
export async function until<Value>(what: string, ask: () => Value | Promise<Value>, isSo: (value: Value) => boolean = Boolean): Promise<Value> {
  const start = performance.now();
  for (;;) {
    const value = await ask();
    if (isSo(value)) return value;
    const elapsedMs = performance.now() - start;
    if (elapsedMs > LIMIT_MS) throw new AssertionError({ message: `Waited ${LIMIT_MS / 1000} s until ${what}; last seen: ${inspect(value)}`, stackStartFn: until });
    await new Promise<void>((resolve) => void (elapsedMs < EAGER_MS ? setImmediate(resolve) : setTimeout(resolve, Math.max(PAUSE_MS, PAUSE_SHARE * elapsedMs))));
  }
}
