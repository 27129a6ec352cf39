/**
 * @module stores/memory-ticket
 * The ticket of an object in a memory store: its slot, and the version that the slot must still hold.
 */
import type { PackedReader, PackedWriter } from '../cache/packed.ts';
import type { StoreTicket } from '../cache/ports.ts';

export class MemoryTicket implements StoreTicket {
  readonly slot: number;
  readonly version: number;

  constructor(slot: number, version: number) {
    this.slot = slot;
    this.version = version;
  }

  static read(reader: PackedReader): MemoryTicket {
    return new MemoryTicket(reader.number(), reader.number());
  }

  write(writer: PackedWriter): void {
    writer.number(this.slot);
    writer.number(this.version);
  }
}
