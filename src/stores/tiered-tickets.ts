/**
 * @module stores/tiered-tickets
 * Tickets of the tiered store, as plain numbers. Both kinds say how often what the disk has for the key
 * had been changed; what memory has is then known by memory's own figures, what only the disk has by
 * where it lies there.
 */
import type { StoreTicket } from '../cache/ports.ts';
import type { Whereabouts } from './disk-objects.ts';

// What memory reads of its tickets comes first, and is none of it negative there.
const CELL = 2;
const CHANGES = 3;
const SUMS = 8;
const ON_DISK = -1;

/** @param cell where changes of its key are counted, and how many there were */
export function memoryTicket([slot, version]: StoreTicket, cell: number, changes: number): StoreTicket {
  return [slot!, version!, cell, changes];
}

export function diskTicket({ hash, place, version, unit, length, sums }: Whereabouts, cell: number, changes: number): StoreTicket {
  return [ON_DISK, hash, cell, changes, place, version, unit, length, ...sums];
}

export function cellIn(ticket: StoreTicket): number {
  return ticket[CELL]!;
}

export function changesIn(ticket: StoreTicket): number {
  return ticket[CHANGES]!;
}

/** Undefined for what memory has. */
export function whereOnDisk(ticket: StoreTicket): Whereabouts | undefined {
  if (ticket[0] !== ON_DISK) return undefined;
  return { hash: ticket[1]!, place: ticket[4]!, version: ticket[5]!, unit: ticket[6]!, length: ticket[7]!, sums: ticket.slice(SUMS) };
}
