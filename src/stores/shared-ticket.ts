/**
 * @module stores/shared-ticket
 * The ticket of an object in the local store of a shared store: the ticket of the local store, and the
 * counts of changes on other machines that must still be the same.
 */
import type { PackedReader, PackedWriter } from '../cache/packed.ts';
import type { StoreTicket } from '../cache/ports.ts';

/** Counts of changes on other machines: of the key, and of everything. */
export interface Changes {
  readonly own: number;
  readonly ofAll: number;
}

export class SharedTicket implements StoreTicket {
  readonly local: StoreTicket;
  /** Where changes of the key are counted. */
  readonly cell: number;
  /** The counts when the ticket was made. */
  readonly changes: Changes;

  constructor(local: StoreTicket, cell: number, changes: Changes) {
    this.local = local;
    this.cell = cell;
    this.changes = changes;
  }

  /** @param readLocal reads the ticket of the local store, which comes last */
  static read(reader: PackedReader, readLocal: (reader: PackedReader) => StoreTicket): SharedTicket {
    const cell = reader.number();
    const changes = { own: reader.number(), ofAll: reader.number() };
    return new SharedTicket(readLocal(reader), cell, changes);
  }

  write(writer: PackedWriter): void {
    writer.number(this.cell);
    writer.number(this.changes.own);
    writer.number(this.changes.ofAll);
    this.local.write(writer);
  }
}
