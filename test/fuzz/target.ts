/**
 * @module test/fuzz/target
 * What a fuzz target is: something that takes any bytes, and must neither throw, nor hang, nor disagree
 * with another reader of the same bytes.
 */

export interface Target {
  readonly name: string;
  /** Inputs to begin with. */
  readonly seeds: readonly Buffer[];
  /** Pieces that mean something there, to be put into inputs. */
  readonly words: readonly string[];
  open(): Promise<OpenTarget>;
}

export interface OpenTarget extends AsyncDisposable {
  /**
   * Takes one input. Throws where it finds a fault.
   * @returns a short word for how the input was taken; an input with a new word is kept for mutation
   */
  run(input: Buffer): Promise<string>;
  /** Throws where something is still held although nothing is under way. */
  atRest?(): Promise<void>;
}
