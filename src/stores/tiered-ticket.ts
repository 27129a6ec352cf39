/**
 * @module stores/tiered-ticket
 * The ticket of an object in a tiered store. It stands while the disk's count of changes for the key is
 * the same. An object in memory is then found by memory's own ticket, an object that is only on disk
 * by its place there.
 */
import type { PackedReader, PackedWriter } from '../cache/packed.ts';
import type { StoreTicket } from '../cache/ports.ts';
import type { Whereabouts } from './disk-objects.ts';
import { MemoryTicket } from './memory-ticket.ts';

const IN_MEMORY = 0;
const ON_DISK = 1;

export class TieredTicket implements StoreTicket {
  /** Where the disk counts changes of the key. */
  readonly cell: number;
  /** How many changes it had counted when the ticket was made. */
  readonly changes: number;
  readonly at: MemoryTicket | Whereabouts;

  constructor(cell: number, changes: number, at: MemoryTicket | Whereabouts) {
    this.cell = cell;
    this.changes = changes;
    this.at = at;
  }

  static read(reader: PackedReader): TieredTicket {
    const cell = reader.number();
    const changes = reader.number();
    return new TieredTicket(cell, changes, reader.number() === IN_MEMORY ? MemoryTicket.read(reader) : readWhereabouts(reader));
  }

  write(writer: PackedWriter): void {
    const { cell, changes, at } = this;
    writer.number(cell);
    writer.number(changes);
    writer.number(at instanceof MemoryTicket ? IN_MEMORY : ON_DISK);
    if (at instanceof MemoryTicket) at.write(writer);
    else writeWhereabouts(writer, at);
  }
}

function writeWhereabouts(writer: PackedWriter, { hash, place, version, unit, length, sums }: Whereabouts): void {
  for (const value of [hash, place, version, unit, length]) writer.number(value);
  writer.numbers(sums);
}

function readWhereabouts(reader: PackedReader): Whereabouts {
  return { hash: reader.number(), place: reader.number(), version: reader.number(), unit: reader.number(), length: reader.number(), sums: reader.numbers() };
}
