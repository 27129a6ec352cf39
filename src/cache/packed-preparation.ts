/**
 * @module cache/packed-preparation
 * A preparation as bytes, for the log of answers.
 */
import type { LifetimeSource } from '../policy/freshness.ts';
import type { ReasonCode } from '../policy/reason.ts';
import type { TicketStore } from './memo.ts';
import { PackedReader, PackedWriter } from './packed.ts';
import type { StoreTicket } from './ports.ts';
import type { Condition, Preparation } from './prepared-answer.ts';

const writer = new PackedWriter();

const IS_HEAD = 1;
const HAS_COOKIE = 2;
const IS_IMPLICIT = 4;

/** The preparation as bytes, until the next one is packed. */
export function pack({ status, isHead, target, host, hasCookie, decidingCount, conditions, head, preparedAt, age, lifetime, stamp, slots, tickets, start, end }: Preparation): Buffer {
  writer.begin(0);
  writer.number((isHead ? IS_HEAD : 0) | (hasCookie ? HAS_COOKIE : 0) | (lifetime.implicit ? IS_IMPLICIT : 0));
  writer.number(status);
  writer.text(target);
  writer.text(host);
  writer.number(decidingCount);
  writer.number(conditions.length);
  for (const { name, value } of conditions) {
    writer.text(name);
    writer.text(value ?? null);
  }
  writeLines(head.untilAge);
  writeLines(head.untilTtl);
  writeLines(head.rest);
  writer.number(preparedAt);
  writer.number(age);
  writer.number(lifetime.seconds);
  writer.text(lifetime.source);
  writer.text(lifetime.reason.code);
  writer.text(lifetime.reason.detail ?? null);
  writer.number(stamp);
  writer.numbers(slots);
  writer.number(tickets.length);
  for (const ticket of tickets) ticket.write(writer);
  writer.number(start);
  writer.number(end);
  return writer.view();
}

/** @param store issued its tickets */
export function unpack(bytes: Buffer, store: Pick<TicketStore, 'readTicket'>): Preparation {
  const reader = new PackedReader(bytes);
  const flags = reader.number();
  const status = reader.number();
  const target = reader.string();
  const host = reader.string();
  const decidingCount = reader.number();
  const conditions: Condition[] = [];
  for (let left = reader.number(); left > 0; left--) conditions.push({ name: reader.string(), value: reader.text() ?? undefined });
  const head = { untilAge: readLines(reader), untilTtl: readLines(reader), rest: readLines(reader) };
  const preparedAt = reader.number();
  const age = reader.number();
  const seconds = reader.number();
  const source = reader.string() as LifetimeSource;
  const code = reader.string() as ReasonCode;
  const detail = reader.text();
  const stamp = reader.number();
  const slots = reader.numbers();
  const tickets: StoreTicket[] = [];
  for (let left = reader.number(); left > 0; left--) tickets.push(store.readTicket(reader));
  return {
    status, isHead: (flags & IS_HEAD) !== 0, target, host, hasCookie: (flags & HAS_COOKIE) !== 0, decidingCount, conditions, head, preparedAt, age,
    lifetime: { seconds, source, implicit: (flags & IS_IMPLICIT) !== 0, reason: detail === null ? { code } : { code, detail } },
    stamp, slots, tickets, start: reader.number(), end: reader.number(),
  };
}

const CRLF = '\r\n';
const COLON = ': ';

/** By lines, and these by name and value: both are words, or dates, more often than not. */
function writeLines(text: string): void {
  const lines = text.split(CRLF);
  writer.number(lines.length);
  for (const line of lines) {
    const colon = line.indexOf(COLON);
    writer.text(colon === -1 ? null : line.slice(0, colon));
    writer.text(colon === -1 ? line : line.slice(colon + COLON.length));
  }
}

function readLines(reader: PackedReader): string {
  let text = '';
  const lines = reader.number();
  for (let i = 0; i < lines; i++) {
    const name = reader.text();
    const line = name === null ? reader.string() : `${name}${COLON}${reader.string()}`;
    text = i === 0 ? line : `${text}${CRLF}${line}`;
  }
  return text;
}
