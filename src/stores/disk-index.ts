/**
 * @module stores/disk-index
 * The table of what is on disk, in SQLite: which objects there are and in which order they came,
 * with small bodies in the row itself; which room in the segments is taken (disk-space.ts); and the
 * sums. One transaction changes all of it together, so that whatever ends the process, the sums are
 * those of the rows. Nothing is read when it is opened but what is asked for.
 *
 * SQLite is told not to force its writes out to the disk: they survive the end of the process, which
 * is what is promised. When the machine goes down everything is dropped; see disk-directory.ts.
 */
import { randomBytes } from 'node:crypto';
import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { threadId } from 'node:worker_threads';
import { type Extent, Layout, UNIT, unitsIn } from './disk-layout.ts';
import { DiskSpace, type Garbage, SPACE_SCHEMA } from './disk-space.ts';
import { type Head, MAIN, PAGE, type Row, SCHEMA, STATEMENTS, type Standing, type Totals, prepared } from './disk-tables.ts';
import { DatabaseSync } from './sqlite.ts';

/** What a transaction leaves to be done once it is committed. */
export interface Aftermath {
  /** What is garbage now. */
  readonly garbage: Garbage[];
  /** The hashes of objects that are gone, or have another place now. */
  readonly changed: number[];
  /** All that was there is gone. */
  isCleared: boolean;
}

/** What a remembered hash counts for. */
const GHOST_BYTES = 64;
/** Pages given back to the system at a time. */
const MOST_VACUUMED = 32;
/** Each opening of the directory has so many numbers of its own. */
const NUMBERS = 2 ** 32;

export class DiskIndex {
  /** Mixed into hashes, so that nobody outside can make many keys fall into one. */
  readonly salt: Buffer;
  readonly #database: DatabaseSync;
  readonly #run: Readonly<Record<keyof typeof STATEMENTS, StatementSync>>;
  readonly #space: DiskSpace;
  #totals: Totals | undefined;
  /** Of the transaction that runs. */
  #aftermath: Aftermath = { garbage: [], changed: [], isCleared: false };

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5000 });
    try {
      this.#database.exec(SCHEMA + SPACE_SCHEMA);
      this.#database.prepare('INSERT OR IGNORE INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?)').run(randomBytes(16));
      this.salt = Buffer.from((this.#database.prepare('SELECT salt FROM totals').get() as { salt: Uint8Array }).salt);
      this.#run = prepared(this.#database, STATEMENTS);
      this.#space = new DiskSpace(this.#database);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /**
   * What a process does first: takes numbers that no earlier one had, and gives up what another one had reserved.
   * @returns the first number
   */
  begin(): number {
    this.#database.exec(`BEGIN IMMEDIATE;
      UPDATE totals SET first = first + ${NUMBERS}, free = free + writing, bytes = bytes - writing, writing = 0;
      DELETE FROM arenas;
      COMMIT`);
    return (this.#database.prepare('SELECT first FROM totals').get() as { first: number }).first;
  }

  /** Runs changes in one transaction: all of them are done, or none. */
  transaction(changes: () => void): Aftermath {
    this.#database.exec('BEGIN IMMEDIATE');
    this.#aftermath = { garbage: [], changed: [], isCleared: false };
    try {
      this.#totals = this.readTotals();
      changes();
      this.#space.save();
      const { objects, bytes, small, main, ghosts, dead, writing, garbage, free, segments, horizon } = this.#totals;
      this.#run.setTotals.run(objects, bytes, small, main, ghosts, dead, writing, garbage, free, segments, horizon);
      this.#database.exec('COMMIT');
      return this.#aftermath;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    } finally {
      this.#totals = undefined;
      this.#space.forget();
    }
  }

  /** Of the transaction that runs; changed in place. */
  get totals(): Totals {
    if (this.#totals === undefined) throw new Error('No transaction runs.');
    return this.#totals;
  }

  /** As last committed. */
  readTotals(): Totals {
    return this.#run.totals.get() as unknown as Totals;
  }

  find(hash: number, key: Uint8Array): Row | undefined {
    const first = this.#run.find.get(hash) as unknown as Row | undefined;
    if (first === undefined || isSame(first.key, key)) return first;
    return (this.#run.find.all(hash) as unknown as Row[]).find((row) => isSame(row.key, key));
  }

  findVersion(hash: number, version: number): Row | undefined {
    return (this.#run.find.all(hash) as unknown as Row[]).find((row) => row.version === version);
  }

  /** The body in the row of that very object; undefined where it is not there any more, or stands elsewhere. */
  inline(place: number, version: number): Uint8Array | undefined {
    return (this.#run.inline.get(place, version) as { inline: Uint8Array } | undefined)?.inline;
  }

  /** Where the body in segments of that very object lies; undefined where it is not there any more. */
  layout(place: number, version: number): Uint8Array | undefined {
    return (this.#run.layout.get(place, version) as { layout: Uint8Array } | undefined)?.layout;
  }

  /** Where the bodies lie of all objects whose keys have that hash; empty for a body in its row. */
  layoutsOf(hash: number): Uint8Array[] {
    return (this.#run.layouts.all(hash) as { layout: Uint8Array }[]).map(({ layout }) => layout);
  }

  /** Whether that very object is there now. */
  stands(place: number, version: number): boolean {
    return this.#run.stands.get(place, version) !== undefined;
  }

  /** Some of the keys behind that place, in the order of the places. */
  keysBehind(place: number): { place: number; key: Uint8Array }[] {
    return this.#run.keys.all(place) as unknown as { place: number; key: Uint8Array }[];
  }

  /** @param extents what it has of what was reserved */
  insert(row: Row, extents: readonly Extent[]): void {
    const { place, hash, version, size, length, file, checksum, key, meta, layout, inline } = row;
    this.#run.insert.run(place, hash, version, size, length, file, checksum, key, meta, layout, inline);
    this.#space.take(extents);
    this.#count(row, 1);
    this.totals.writing -= file;
    this.totals.bytes -= file;
  }

  /** Another description; `row` is what stands there now. */
  describe(row: Row, version: number, size: number, checksum: number, meta: Uint8Array): void {
    this.#run.describe.run(version, size, checksum, meta, row.place);
    this.#count(row, -1);
    this.#count({ ...row, size }, 1);
  }

  /** The object leaves; what it has in segments is garbage from now on. */
  remove(row: Standing): void {
    const { totals } = this;
    this.#run.remove.run(row.place);
    this.#run.forgetAccesses.run(row.place);
    if (row.place % MAIN > totals.horizon) this.#count(row, -1);
    else {
      totals.bytes -= row.size + row.file;
      totals.dead--;
    }
    if (row.file > 0) this.#discard(row);
    this.#aftermath.changed.push(row.hash);
  }

  move(row: Head, place: number, accesses: number): void {
    this.#run.move.run(place, row.place);
    this.#run.forgetAccesses.run(row.place);
    if (accesses > 0) this.#run.setAccesses.run(accesses, place);
    this.#count(row, -1);
    this.#count({ ...row, place }, 1);
    this.#aftermath.changed.push(row.hash);
  }

  /** The first object at that place or behind it. */
  head(place: number): Head | undefined {
    return this.#run.head.get(place) as unknown as Head | undefined;
  }

  accesses(place: number): number {
    return (this.#run.accesses.get(place) as { count: number } | undefined)?.count ?? 0;
  }

  /** Does nothing where no object stands there any more. */
  setAccesses(place: number, count: number): void {
    this.#run.setAccesses.run(count, place);
  }

  /** Everything stored is gone, though its rows are removed later, as sweep() meets them. */
  clear(horizon: number): number {
    const { totals } = this;
    const { objects } = totals;
    totals.dead += objects + totals.ghosts;
    Object.assign(totals, { objects: 0, small: 0, main: 0, ghosts: 0, horizon });
    this.#aftermath.isCleared = true;
    return objects;
  }

  /** Removes one row of what was cleared. */
  sweep(): boolean {
    const { horizon, dead } = this.totals;
    if (dead === 0) return false;
    for (const start of [0, MAIN]) {
      const head = this.head(start);
      if (head === undefined || head.place % MAIN > horizon || (start === 0 && head.place >= MAIN)) continue;
      this.remove(head);
      return true;
    }
    if (this.#removeGhost(this.#run.oldestGhost.get(0), horizon)) return true;
    this.totals.dead = 0;
    return false;
  }

  addGhost(place: number, hash: number): void {
    this.#run.addGhost.run(place, hash);
    this.totals.ghosts++;
    this.totals.bytes += GHOST_BYTES;
  }

  /** Whether that hash is remembered; it is not any more afterwards. */
  recallGhost(hash: number): boolean {
    return this.#removeGhost(this.#run.ghost.get(hash, this.totals.horizon));
  }

  removeOldestGhost(): boolean {
    return this.#removeGhost(this.#run.oldestGhost.get(this.totals.horizon));
  }

  /**
   * Reserves room in segments, so many bytes or fewer, to write into.
   * @param arena a number to end the reservation by
   * @param most bytes that may count
   * @param mostOnDisk bytes that table and segments may take on the disk
   */
  reserve(arena: number, bytes: number, most: number, mostOnDisk: number): Extent[] {
    const { totals } = this;
    const units = Math.floor(Math.min(bytes, most - totals.bytes) / UNIT);
    const { extents, added } = this.#space.reserve(arena, threadId, units, Math.max(0, Math.floor((mostOnDisk - this.fileBytes()) / UNIT)));
    const reserved = UNIT * unitsIn(extents);
    totals.writing += reserved;
    totals.bytes += reserved;
    totals.free -= reserved - UNIT * added;
    totals.segments += UNIT * added;
    return extents;
  }

  /** What was reserved, and did not become an object's, is free again. */
  release(unused: readonly Extent[]): void {
    this.#space.release(unused);
    this.#countReleased(UNIT * unitsIn(unused));
  }

  /** All of a reservation has become objects', or is released. */
  endReservation(arena: number): void {
    this.#space.endReservation(arena);
  }

  /** Some of what is to be freed, in the order of the units. */
  garbageBehind(unit: number): Garbage[] {
    return this.#space.garbageBehind(unit);
  }

  /** Frees what was to be freed at that unit, which nobody reads any more. */
  free(unit: number): void {
    const size = this.#space.free(unit);
    const { totals } = this;
    totals.garbage -= size;
    totals.bytes -= size;
    totals.free += size;
  }

  /** A thread has ended: what it had reserved is free. */
  releaseAllOf(owner: number): void {
    this.#countReleased(UNIT * this.#space.releaseAllOf(owner));
  }

  /** Gives free room back to the system, a little at a time; false where there is none that it would take. */
  shrink(truncate: (segment: number, units: number) => void): boolean {
    const given = this.#space.shrink(truncate);
    this.totals.free -= given * UNIT;
    this.totals.segments -= given * UNIT;
    return given > 0;
  }

  /** Bytes that table and segments take on the disk, all that is free in them among them. */
  fileBytes(): number {
    return PAGE * (this.#run.pages.get() as { page_count: number }).page_count + this.totals.segments;
  }

  /** Bytes of the table's file that nothing lies in. */
  freeInFile(): number {
    return PAGE * (this.#run.freePages.get() as { freelist_count: number }).freelist_count;
  }

  /** Gives a little of that back to the system. */
  vacuum(): void {
    this.#database.exec(`PRAGMA incremental_vacuum(${MOST_VACUUMED})`);
  }

  /** @param well writes out all that was done; throws where that fails, and is closed all the same */
  close(well: boolean): void {
    try {
      if (well) this.#database.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.#database.close();
    }
  }

  #discard({ layout, length, file }: Standing): void {
    const { unit, extents } = Layout.decode(layout, length);
    const garbage = { unit, size: file, extents };
    this.#space.discard(garbage);
    this.totals.garbage += file;
    this.totals.bytes += file;
    this.#aftermath.garbage.push(garbage);
  }

  #countReleased(bytes: number): void {
    const { totals } = this;
    totals.writing -= bytes;
    totals.bytes -= bytes;
    totals.free += bytes;
  }

  /** @param last places up to this one were cleared, and only those are meant */
  #removeGhost(ghost: Record<string, SQLOutputValue> | undefined, last?: number): boolean {
    if (ghost === undefined || (last !== undefined && (ghost['place'] as number) > last)) return false;
    this.#run.removeGhost.run(ghost['place']!);
    if (last === undefined) this.totals.ghosts--;
    else this.totals.dead--;
    this.totals.bytes -= GHOST_BYTES;
    return true;
  }

  /** @param sign 1: it comes, -1: it leaves */
  #count({ place, size, file }: Pick<Row, 'place' | 'size' | 'file'>, sign: 1 | -1): void {
    const { totals } = this;
    totals.objects += sign;
    totals.bytes += sign * (size + file);
    if (place >= MAIN) totals.main += sign;
    else totals.small += sign * (size + file);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
