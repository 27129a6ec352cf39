/**
 * @module conformance/trace
 * The messages of a case in the order they passed, as client and origin saw them, for a person to read.
 */
import type { Interim } from './cases.ts';

export type Side = 'client' | 'origin';

export class Trace {
  readonly #blocks = new Map<string, string[]>();

  /** `fields` is name, value, name, value … */
  request(uuid: string, side: Side, number: number, line: string, fields: readonly string[], body = ''): void {
    const what = side === 'client' ? 'client sends' : 'origin gets';
    this.#add(uuid, `${what} request ${number}`, [line, ...lines(fields), ...content(body)]);
  }

  response(uuid: string, side: Side, number: number, interim: readonly Interim[], line: string, fields: readonly string[], body: string): void {
    const what = side === 'client' ? 'client gets' : 'origin sends';
    const before = interim.flatMap(([status, pairs = []]) => [`HTTP/1.1 ${status}`, ...lines(pairs.flat()), '']);
    this.#add(uuid, `${what} response ${number}`, [...before, line, ...lines(fields), ...content(body)]);
  }

  note(uuid: string, side: Side, number: number, text: string): void {
    this.#add(uuid, `${side} ${text} (request ${number})`, []);
  }

  /** All of a case as one text; "" where nothing passed. */
  of(uuid: string): string {
    return (this.#blocks.get(uuid) ?? []).join('\n');
  }

  #add(uuid: string, title: string, rows: readonly string[]): void {
    const blocks = this.#blocks.get(uuid);
    const block = [`--- ${title}`, ...rows.map((row) => `    ${row}`)].join('\n');
    if (blocks === undefined) this.#blocks.set(uuid, [block]);
    else blocks.push(block);
  }
}

function lines(fields: readonly string[]): string[] {
  const rows: string[] = [];
  for (let i = 0; i < fields.length; i += 2) rows.push(`${fields[i]}: ${fields[i + 1]}`);
  return rows;
}

function content(body: string): string[] {
  return body === '' ? [] : ['', body];
}
