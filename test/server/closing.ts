/**
 * @module test/server/closing
 * Closes what a test opened, also where it failed in the middle: an open server would keep the
 * process of the tests alive.
 */
import { afterEach } from 'node:test';

interface Closable {
  close(): Promise<void>;
}

const opened: Closable[] = [];

/** To be called around whatever has to be closed once the test is over; closing it before does no harm. */
export function closing<Kind extends Closable>(one: Kind): Kind {
  opened.push(one);
  return one;
}

afterEach(async () => {
  // The last one first: a proxy lets go of its origin before that is closed.
  for (const one of opened.splice(0).reverse()) await one.close();
});
