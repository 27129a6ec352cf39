/**
 * @module test/kit/clock
 * A clock that stands still until a test moves it, so that lifetimes of hours are tested at once.
 */
export class VirtualClock {
  #now: number;

  /** Starts at `start`, milliseconds since the epoch; by default Sat, 01 Nov 2025 00:00:00 GMT. */
  constructor(start: number = Date.UTC(2025, 10, 1)) {
    this.#now = start;
  }

  /** Milliseconds since the epoch. An arrow, so that it can be handed on alone: `{ now: clock.now }`. */
  readonly now = (): number => this.#now;

  /** Moves on by so many seconds; a negative number sets the clock back, as an administrator might. */
  advance(seconds: number): void {
    this.#now += seconds * 1000;
  }

  /** The moment as it stands in Date, `seconds` from now. */
  httpDate(seconds = 0): string {
    return new Date(this.#now + seconds * 1000).toUTCString();
  }
}
