/**
 * @module admin/purge-request
 * Reads what a purge request asks for, from JSON or a form.
 */
import { MillraceError } from '../errors.ts';
import type { Purge } from './purge.ts';

const ACCEPTED = 'Send one of url=URL, prefix=URL, host=HOST, tag=TAG or all=true, and soft=true for a soft purge, as a form or as JSON: curl -d url=/page http://localhost:8080/__admin/purge.';

/** Throws ERR_ADMIN_INPUT that says what is accepted. */
export function readPurge(body: string, contentType: string | undefined): Purge {
  const given = isJson(body, contentType) ? fromJson(body) : fromForm(body);
  const soft = given.has('soft') && isSet('soft', given.get('soft'));
  given.delete('soft');
  const unknown = [...given.keys()].find((name) => !['url', 'prefix', 'host', 'tag', 'all'].includes(name));
  if (unknown !== undefined) throw refused(`There is no "${unknown}" to purge by.`);
  if (given.size !== 1) throw refused(given.size === 0 ? 'The request names nothing to purge.' : 'The request names more than one thing to purge.');
  const [[name, value]] = [...given] as [[string, unknown]];
  if (name === 'all') {
    if (isSet(name, value)) return { all: true, soft };
    throw refused('"all" is true or left out.');
  }
  if (typeof value !== 'string' || value === '') throw refused(`"${name}" is ${name === 'tag' ? 'a tag' : name === 'host' ? 'a host' : 'a URL or a path'}, as text.`);
  return name === 'url' ? { url: value, soft } : name === 'tag' ? { tag: value, soft } : name === 'host' ? { host: value, soft } : { prefix: value, soft };
}

function isSet(name: string, value: unknown): boolean {
  if (value === true || value === 'true' || value === '') return true;
  if (value === false || value === 'false') return false;
  throw refused(`"${name}" is true, or false, or left out.`);
}

function isJson(body: string, contentType: string | undefined): boolean {
  const type = contentType?.split(';', 1)[0]!.trim().toLowerCase();
  // curl calls whatever it sends a form.
  return type === 'application/json' || /^\s*[{["]/.test(body);
}

function fromJson(body: string): Map<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new MillraceError('ERR_ADMIN_INPUT', `The content is no valid JSON. ${ACCEPTED}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused('The JSON is no object.');
  return new Map(Object.entries(value));
}

function fromForm(body: string): Map<string, unknown> {
  const given = new Map<string, unknown>();
  for (const [name, value] of new URLSearchParams(body.trim())) {
    if (given.has(name)) throw refused(`"${name}" stands there more than once.`);
    given.set(name, value);
  }
  return given;
}

function refused(why: string): MillraceError {
  return new MillraceError('ERR_ADMIN_INPUT', `${why} ${ACCEPTED}`);
}
