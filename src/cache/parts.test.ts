import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fields } from '../http/fields.ts';
import { MemoryStore } from '../stores/memory.ts';
import { Collections } from './collections.ts';
import type { Entry } from './entry.ts';
import { partKey } from './parts.ts';
import { Stamps } from './stamps.ts';
import { Variants } from './variants.ts';

const KEY = 'GET http://origin.example/film';
const PLACE = { key: KEY, replaces: undefined };
const LENGTH = 1000;

const entry: Entry = {
  status: 200, fields: new Fields(['ETag', '"1"']), method: 'GET', requestTime: 0, responseTime: 0, privateInPlay: false, invalidated: false, range: undefined,
  selection: { names: [], values: [], language: null, forwardedAs: '' }, stamp: 0, tags: [], parts: [], others: [],
};

class Film {
  readonly store = new MemoryStore({ maxBytes: 1024 ** 2, maxObject: 1024 ** 2 });
  readonly variants = new Variants(this.store, new Stamps(), new Collections(), () => 60);

  async add(first: number, last: number): Promise<boolean> {
    const range = { first, last, length: LENGTH };
    const at = await this.variants.placeOfPart(KEY, PLACE, entry, range);
    return this.write(first, last, at);
  }

  /** Written under that key, whatever is stored by the time it is complete. */
  async write(first: number, last: number, at: string): Promise<boolean> {
    const writer = this.store.put(at, last + 1 - first)!;
    writer.write(Buffer.from(Array.from({ length: last + 1 - first }, (_, i) => (first + i) % 256)));
    const isStored = await this.variants.commitPart(KEY, PLACE, entry, { first, last, length: LENGTH }, writer, at);
    writer.abort();
    return isStored;
  }

  /** The bytes stored around those, in the way of Content-Range; both ways of looking agree. */
  async found(first: number, last: number): Promise<string | undefined> {
    const request = new Fields(['Range', `bytes=${first}-${last}`]);
    const lookup = await this.variants.find(KEY, request, '');
    assert.deepEqual(this.variants.peek(KEY, request, '')!.located?.entry, lookup.located?.entry);
    if (lookup.located === undefined) return undefined;
    const { entry: found, object } = lookup.located;
    const start = found.range?.first ?? 0;
    const bytes: number[] = [];
    for await (const chunk of object.body.read(0, object.body.length)) bytes.push(...chunk);
    assert.deepEqual(bytes, Array.from({ length: object.body.length }, (_, i) => (start + i) % 256));
    return `${start}-${start + object.body.length - 1}`;
  }
}

describe('parts that the store has let go of', () => {
  test('serve nothing, and can be stored again', async () => {
    const film = new Film();
    for (const first of [0, 300, 500]) assert.equal(await film.add(first, first + 99), true);
    assert.equal(await film.found(310, 320), '300-399');
    await film.store.delete(partKey(KEY, { first: 300, last: 399 }));
    assert.equal(await film.found(310, 320), '0-99');
    assert.equal(await film.found(510, 520), '500-599');
    assert.equal(await film.add(310, 319), true);
    assert.equal(await film.found(310, 319), '310-319');
  });

  test('are all gone with the first, which lists them', async () => {
    const film = new Film();
    for (const first of [0, 300]) await film.add(first, first + 99);
    await film.store.delete(KEY);
    assert.equal(await film.found(300, 310), undefined);
    assert.equal(await film.add(300, 310), true);
    assert.equal(await film.found(300, 310), '300-310');
  });

  test('a part of another representation under the same key is not taken for it', async () => {
    const film = new Film();
    for (const first of [0, 300]) await film.add(first, first + 99);
    const key = partKey(KEY, { first: 300, last: 399 });
    const { meta } = (await film.store.get(KEY))!;
    const writer = film.store.put(key, 100)!;
    writer.write(Buffer.alloc(100, 'x'));
    await writer.commit(meta);
    assert.equal(await film.found(310, 320), '0-99');
  });
});

describe('parts that come at the same time', () => {
  test('are kept though each was to be the first', async () => {
    const film = new Film();
    assert.deepEqual([await film.write(0, 99, KEY), await film.write(300, 399, KEY), await film.write(600, 699, KEY)], [true, true, true]);
    assert.deepEqual([await film.found(0, 1), await film.found(300, 301), await film.found(600, 601)], ['0-99', '300-399', '600-699']);
    assert.equal(film.store.stats().objects, 3);
  });

  test('a larger one takes the place of the first, though it was to stand beside it', async () => {
    const film = new Film();
    await film.add(100, 199);
    assert.equal(await film.write(50, 299, partKey(KEY, { first: 50, last: 299 })), true);
    assert.equal(await film.found(60, 70), '50-299');
    assert.equal(film.store.stats().objects, 1);
  });

  test('the whole, written beside the parts, replaces them', async () => {
    const film = new Film();
    for (const first of [100, 300, 500]) await film.add(first, first + 99);
    assert.equal(await film.write(0, LENGTH - 1, partKey(KEY, { first: 0, last: LENGTH - 1 })), true);
    assert.equal(await film.found(0, LENGTH - 1), `0-${LENGTH - 1}`);
    assert.equal(film.store.stats().objects, 1);
  });
});
