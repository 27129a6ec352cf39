/**
 * @module test/stores/ticket-cases
 * What a store promises that prepared answers rest on: a ticket stands for one object with one
 * description, it gives that object's body, and it can be written and read again. The cases of the
 * contract for stores that issue tickets.
 */
import assert from 'node:assert/strict';
import { type TicketStore, hasTickets } from '../../src/cache/memo.ts';
import { PackedReader, PackedWriter } from '../../src/cache/packed.ts';
import type { Body, Store, StoreTicket } from '../../src/cache/ports.ts';
import { bytesOf, putWhole, readBody } from './objects.ts';

/** In a cell of memory, in a row of the table on disk, in one block of a segment, in several. */
const LENGTHS = [0, 10, 5000, 20_000, 60_000, 300_000, 1_500_000];
/** Times that an object is asked for until it is where the store wants it. */
const MOST_LOOKS = 4;

export function ticketsOf(store: Store): TicketStore {
  assert.ok(hasTickets(store), `${store.name} issues tickets`);
  return store;
}

/** As it comes back from the log of answers. */
export function rewritten(store: TicketStore, ticket: StoreTicket): StoreTicket {
  const writer = new PackedWriter();
  writer.begin(0);
  ticket.write(writer);
  // What stands behind it in the log must not be taken for a part of it.
  writer.number(4711);
  const reader = new PackedReader(writer.end());
  const read = store.readTicket(reader);
  assert.equal(reader.number(), 4711, 'a ticket is read to its end, and no further');
  reader.end();
  return read;
}

/** The ticket of what is stored, as it was issued and as it was read again, and the bodies they give. */
async function take(store: TicketStore, key: string): Promise<{ tickets: StoreTicket[]; bodies: Body[] }> {
  for (let i = 0; i < MOST_LOOKS; i++) {
    const object = await store.get(key);
    assert.ok(object !== undefined, `something is stored under ${key}`);
    // Some stores move an object as it is read.
    await readBody(object.body);
    const ticket = store.ticket(object);
    assert.ok(ticket !== undefined, 'an object that is here has a ticket');
    const tickets = [ticket, rewritten(store, ticket)];
    const bodies = tickets.map((each) => store.touch(each) ? store.bodyOf(each) : undefined).filter((body) => body !== undefined);
    if (bodies.length === tickets.length) return { tickets, bodies };
  }
  assert.fail(`no ticket of ${key} gave a body`);
}

type TicketCase = (store: TicketStore, limits: { readonly maxBytes: number }) => Promise<void>;

export const TICKET_CASES: Readonly<Record<string, TicketCase>> = {
  'a ticket gives the body of its object': async (store) => {
    for (const length of LENGTHS) assert.equal(await putWhole(store, `of ${length}`, bytesOf(40), [bytesOf(length)]), true);
    for (const length of LENGTHS) {
      const { bodies } = await take(store, `of ${length}`);
      for (const body of bodies) {
        assert.equal(body.length, length);
        assert.ok(bytesOf(length).equals(await readBody(body)), `the body of ${length} bytes is the one that was written`);
      }
    }
    assert.equal(store.stats().errors, 0);
  },

  'a ticket ends with its object, and with its description': async (store) => {
    const ends: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
      'replaced by the same': (key) => putWhole(store, key, bytesOf(40), [bytesOf(5000)]),
      'described anew': async (key) => store.update(key, (await store.get(key))!, bytesOf(40)),
      deleted: (key) => store.delete(key),
      'deleted, and stored again': async (key) => [await store.delete(key), await putWhole(store, key, bytesOf(40), [bytesOf(5000)])],
      cleared: () => store.clear(),
    };
    for (const length of LENGTHS) {
      for (const [name, end] of Object.entries(ends)) {
        await putWhole(store, 'k', bytesOf(40), [bytesOf(length)]);
        const { tickets } = await take(store, 'k');
        await end('k');
        for (const ticket of tickets) {
          assert.equal(store.touch(ticket), false, `${length} bytes, ${name}`);
          assert.equal(store.bodyOf(ticket), undefined, `${length} bytes, ${name}`);
        }
      }
    }
  },

  'an object of another store has no ticket': async (store) => {
    const { meta, body } = { meta: bytesOf(40), body: { length: 0, read: () => [] } };
    assert.equal(store.ticket({ meta, body }), undefined);
  },

  'what is lent is of the budget, and can be lent again once it is given back': async (store, { maxBytes }) => {
    const most = (): number => {
      let lent = 0;
      for (let bytes = maxBytes; bytes >= 1; bytes = Math.floor(bytes / 2)) while (lent <= maxBytes + 1 && store.lend(bytes)) lent += bytes;
      return lent;
    };
    const budget = maxBytes + (store.lendable ?? 0);
    assert.equal(store.lend(budget + 1), false);
    const lent = most();
    assert.ok(lent > 0 && lent <= budget, `${lent} of ${budget} bytes were lent`);
    assert.equal(store.lend(1), false);
    store.giveBack(lent);
    assert.equal(most(), lent);
    store.giveBack(lent);
    assert.equal(await putWhole(store, 'k', bytesOf(40), [bytesOf(5000)]), true);
    assert.ok((await store.get('k')) !== undefined, 'there is room for objects again');
  },
};
