/**
 * @module stores/remote-writer
 * An object on its way to a store on another machine. A long body goes out in chunks while it still
 * comes in; nobody can find them until the envelope, which goes last, is there. It is kept here too
 * until then, out of a budget: what has no room there stays local.
 */
import { Chunks } from './chunks.ts';
import { CHUNK, type Envelope, LONGEST_INLINE, encodeChunk, newName } from './envelope.ts';
import { type Budget, type RemoteTerms, type RemoteWriter, UNLIMITED } from './remote.ts';

export interface RemoteHost {
  readonly budget: Budget;
  /** False where it could not be stored. */
  writeChunk(generation: Buffer, index: number, chunk: Buffer): Promise<boolean>;
  /** Lets them live as long as the envelope, which comes next. */
  keepChunks(generation: Buffer, count: number, keepFor: number): Promise<boolean>;
  writeEnvelope(envelope: Envelope, keepFor: number): Promise<boolean>;
  dropChunks(generation: Buffer, count: number): void;
}

/** What is copied at a time is at least so many bytes. */
const SMALLEST_BLOCK = 4096;

export class EnvelopeWriter implements RemoteWriter {
  readonly version: Buffer = newName();
  readonly #generation = newName();
  readonly #host: RemoteHost;
  readonly #maxObject: number;
  #isOpen = true;
  /** The body, in blocks none of which lies in two chunks. */
  #blocks = new Chunks();
  /** The block being filled. */
  #block: Buffer | undefined;
  #filled = 0;
  #written = 0;
  #reserved = 0;
  #sent: Promise<boolean>[] = [];

  constructor(host: RemoteHost, maxObject: number) {
    this.#host = host;
    this.#maxObject = maxObject;
  }

  get written(): number {
    return this.#written;
  }

  write(chunk: Buffer): boolean {
    if (!this.#isOpen) return false;
    if (this.#written + chunk.length > this.#maxObject) return this.#giveUp();
    for (let taken = 0; taken < chunk.length; ) {
      this.#block ??= this.#allocate(chunk.length - taken);
      if (this.#block === undefined) return this.#giveUp();
      const copied = chunk.copy(this.#block, this.#filled, taken);
      taken += copied;
      this.#filled += copied;
      this.#written += copied;
      if (this.#filled === this.#block.length) this.#closeBlock();
    }
    return true;
  }

  chunkAt(position: number): Buffer | undefined {
    if (position < this.#blocks.length) return this.#blocks.chunkAt(position);
    return position >= this.#written ? undefined : this.#block?.subarray(position - this.#blocks.length, this.#filled);
  }

  async commit(meta: Buffer, terms: RemoteTerms = UNLIMITED): Promise<boolean> {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    // It is read later than the caller may use its buffer again.
    const description = Buffer.from(meta);
    if (this.#block !== undefined) this.#closeBlock();
    const length = this.#written;
    const isInline = length <= LONGEST_INLINE;
    if (!isInline && length % CHUNK !== 0) this.#sendChunk();
    const inline = isInline ? Buffer.concat([...this.#blocks], length) : undefined;
    const keepFor = terms.keepFor();
    const wasSent = (await Promise.all(this.#sent)).every(Boolean) && (isInline || (await this.#host.keepChunks(this.#generation, this.#sent.length, keepFor)));
    const envelope: Envelope = { version: this.version, generation: this.#generation, number: terms.number, length, meta: description, inline };
    const isStored = wasSent && terms.stands() && (await this.#host.writeEnvelope(envelope, keepFor));
    if (!isStored) this.#dropChunks();
    this.#giveBack();
    return isStored;
  }

  abort(): void {
    if (this.#isOpen) this.#giveUp();
    else this.#forget();
  }

  #giveUp(): false {
    this.#isOpen = false;
    this.#dropChunks();
    this.#giveBack();
    this.#forget();
    return false;
  }

  #dropChunks(): void {
    const count = this.#sent.length;
    if (count > 0) void Promise.all(this.#sent).then(() => this.#host.dropChunks(this.#generation, count));
  }

  #giveBack(): void {
    this.#host.budget.giveBack(this.#reserved);
    this.#reserved = 0;
  }

  #forget(): void {
    this.#written = 0;
    this.#blocks = new Chunks();
    this.#block = undefined;
  }

  #allocate(needed: number): Buffer | undefined {
    const size = Math.min(CHUNK - (this.#written % CHUNK), Math.max(SMALLEST_BLOCK, this.#written, needed));
    if (!this.#host.budget.take(size)) return undefined;
    this.#reserved += size;
    return Buffer.allocUnsafeSlow(size);
  }

  #closeBlock(): void {
    if (this.#filled > 0) this.#blocks.push(this.#block!.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
    if (this.#written > 0 && this.#written % CHUNK === 0) this.#sendChunk();
  }

  #sendChunk(): void {
    const index = this.#sent.length;
    const bytes = Buffer.concat([...this.#blocks.read(index * CHUNK, this.#written)]);
    this.#sent.push(this.#host.writeChunk(this.#generation, index, encodeChunk(bytes)));
  }
}
