/**
 * @module stores/tiered-writer
 * An object on its way to disk and to memory at once, for as long as each of them takes it.
 */
import type { StoreWriter } from '../cache/ports.ts';

export class TieredWriter implements StoreWriter {
  readonly #commit: (meta: Buffer) => Promise<boolean>;
  #memory: StoreWriter | undefined;
  readonly #disk: StoreWriter | undefined;
  #isOnDisk: boolean;
  #isOpen = true;
  #written = 0;

  /** @param commit commits those that took all of it */
  constructor(memory: StoreWriter | undefined, disk: StoreWriter | undefined, commit: (meta: Buffer) => Promise<boolean>) {
    this.#memory = memory;
    this.#disk = disk;
    this.#isOnDisk = disk !== undefined;
    this.#commit = commit;
  }

  get written(): number {
    return this.#written;
  }

  get backlog(): number {
    return this.#disk?.backlog ?? 0;
  }

  onDrain(listener: () => void): void {
    this.#disk?.onDrain?.(listener);
  }

  write(chunk: Buffer): boolean {
    if (!this.#isOpen) return false;
    if (this.#memory?.write(chunk) === false) this.#memory = undefined;
    if (this.#isOnDisk && !this.#disk!.write(chunk)) this.#isOnDisk = false;
    this.#isOpen = this.#memory !== undefined || this.#isOnDisk;
    if (this.#isOpen) this.#written += chunk.length;
    return this.#isOpen;
  }

  chunkAt(position: number): Buffer | undefined {
    return this.#memory?.chunkAt(position) ?? this.#disk?.chunkAt(position);
  }

  async commit(meta: Buffer): Promise<boolean> {
    if (!this.#isOpen) {
      this.abort();
      return false;
    }
    this.#isOpen = false;
    return this.#commit(meta);
  }

  abort(): void {
    this.#isOpen = false;
    this.#memory?.abort();
    this.#disk?.abort();
  }
}
