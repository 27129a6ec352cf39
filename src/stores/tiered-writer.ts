/**
 * @module stores/tiered-writer
 * An object on its way to disk and to memory at once. What memory does not take, the disk has; when
 * the disk gives up, so does this, as readers may count on what it had.
 */
import type { StoreWriter } from '../cache/ports.ts';

export class TieredWriter implements StoreWriter {
  readonly #commit: (meta: Buffer) => Promise<boolean>;
  #memory: StoreWriter | undefined;
  readonly #disk: StoreWriter | undefined;
  #isOpen = true;
  #written = 0;

  /** @param commit commits those that took all of it */
  constructor(memory: StoreWriter | undefined, disk: StoreWriter | undefined, commit: (meta: Buffer) => Promise<boolean>) {
    this.#memory = memory;
    this.#disk = disk;
    this.#commit = commit;
  }

  get written(): number {
    return this.#written;
  }

  get backlog(): number | undefined {
    return this.#disk?.backlog;
  }

  onDrain(listener: () => void): void {
    this.#disk?.onDrain?.(listener);
  }

  onReclaim(listener: () => void): void {
    this.#memory?.onReclaim?.(listener);
  }

  write(chunk: Buffer): boolean {
    if (!this.#isOpen) return false;
    const isOnDisk = this.#disk?.write(chunk);
    const isInMemory = isOnDisk !== false && this.#memory?.write(chunk) === true;
    if (this.#disk !== undefined && !isInMemory) this.#dropMemory();
    this.#isOpen = isOnDisk === true || isInMemory;
    if (this.#isOpen) this.#written += chunk.length;
    return this.#isOpen;
  }

  chunkAt(position: number): Buffer | undefined {
    return this.#memory?.chunkAt(position) ?? this.#disk?.chunkAt(position);
  }

  async commit(meta: Buffer): Promise<boolean> {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    return this.#commit(meta);
  }

  abort(): void {
    this.#isOpen = false;
    this.#memory?.abort();
    this.#disk?.abort();
  }

  /** The disk has all that memory has. */
  #dropMemory(): void {
    this.#memory?.abort();
    this.#memory = undefined;
  }
}
