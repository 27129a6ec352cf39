/**
 * @module stores/shared-writer
 * An object on its way to the local store, and to the shared one as far as that takes it.
 */
import type { CommitTerms, StoreWriter } from '../cache/ports.ts';
import type { RemoteWriter } from './remote.ts';

/** Commits what the local store has taken, and the shared one too where that is given. */
type Commit = (meta: Buffer, terms: CommitTerms | undefined, remote: RemoteWriter | undefined) => Promise<boolean>;

export class SharedWriter implements StoreWriter {
  readonly #local: StoreWriter;
  #remote: RemoteWriter | undefined;
  readonly #commit: Commit;
  #isCommitted = false;

  constructor(local: StoreWriter, remote: RemoteWriter | undefined, commit: Commit) {
    this.#local = local;
    this.#remote = remote;
    this.#commit = commit;
  }

  get written(): number {
    return this.#local.written;
  }

  get backlog(): number | undefined {
    return this.#local.backlog;
  }

  onDrain(listener: () => void): void {
    this.#local.onDrain?.(listener);
  }

  onReclaim(listener: () => void): void {
    this.#local.onReclaim?.(listener);
  }

  write(chunk: Buffer): boolean {
    if (!this.#local.write(chunk)) {
      this.#giveUpRemote();
      return false;
    }
    if (this.#remote?.write(chunk) === false) this.#remote = undefined;
    return true;
  }

  chunkAt(position: number): Buffer | undefined {
    return this.#local.chunkAt(position);
  }

  async commit(meta: Buffer, terms?: CommitTerms): Promise<boolean> {
    if (this.#isCommitted) return false;
    this.#isCommitted = true;
    return this.#commit(meta, terms, this.#remote);
  }

  abort(): void {
    if (!this.#isCommitted) this.#giveUpRemote();
    this.#isCommitted = true;
    this.#local.abort();
  }

  #giveUpRemote(): void {
    this.#remote?.abort();
    this.#remote = undefined;
  }
}
