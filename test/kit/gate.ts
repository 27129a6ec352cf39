/**
 * @module test/kit/gate
 * A point in time that a test decides: one side waits for it, the other opens it. It takes the
 * place of every sleep.
 */
export interface Gate {
  /** Settles once the gate is open. */
  readonly wait: Promise<void>;
  /** Opens it for good; calling it again does nothing. */
  readonly open: () => void;
}

/** A gate that is closed. */
export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}
