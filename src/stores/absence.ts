/**
 * @module stores/absence
 * Tells an operator that a store on other machines is away, or back: each once.
 */
export class Absence {
  readonly #name: string;
  readonly #onNotice: (text: string) => void;
  readonly #refusals = new Set<string>();
  #isTold = false;
  #isExplained = false;

  /** @param name without a password */
  constructor(name: string, onNotice: (text: string) => void) {
    this.#name = name;
    this.#onNotice = onNotice;
  }

  /** @param isFinal waiting does not mend it: it is told also where a cause that may pass was told before */
  away(cause: string, isFinal = false): void {
    if (isFinal ? this.#isExplained : this.#isTold) return;
    this.#isTold = true;
    this.#isExplained = isFinal;
    this.#onNotice(`${this.#name} is away (${cause}). The cache goes on with what it has here, and tries again in the background.`);
  }

  back(): void {
    if (!this.#isTold) return;
    this.#isTold = false;
    this.#isExplained = false;
    this.#onNotice(`${this.#name} answers again; what it stores is used.`);
  }

  /** It is there, and says no; each kind of that once. */
  refused({ message }: Error): void {
    const kind = message.split(' ', 1)[0]!;
    if (this.#refusals.has(kind)) return;
    this.#refusals.add(kind);
    this.#onNotice(`${this.#name} refuses a command: ${message}`);
  }
}
