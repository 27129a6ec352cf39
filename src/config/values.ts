/**
 * @module config/values
 * Reads one value of one option, loosely as users write it, whether it comes from the command
 * line (text) or from a configuration file (text, numbers, booleans, lists).
 */
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { parseRedisUrl } from '../stores/redis-url.ts';
import type { Option, OptionType } from './options.ts';
import { parseDuration, parseSize } from './quantity.ts';
import { didYouMean } from './suggestion.ts';

/** The value in one unit, or the rest of a sentence that begins with the option's name. */
export type Reading = { readonly value: unknown } | { readonly refused: string };

/** Total: whatever comes in, it answers. */
export function readValue(option: Option, raw: unknown): Reading {
  return READERS[option.type](raw, option);
}

type Reader = (raw: unknown, option: Option) => Reading;

const READERS: Record<OptionType, Reader> = {
  flag: (raw) => (typeof raw === 'boolean' ? { value: raw } : refuse('true or false', raw)),
  integer: (raw, option) => readQuantity(raw, option, 'a whole number', (text) => (/^\d{1,15}$/u.test(text) ? Number(text) : undefined)),
  workers: (raw, option) => (raw === 'auto' ? { value: Math.min(availableParallelism(), Number(option.max)) } : readQuantity(raw, option, 'a number or auto', (text) => (/^\d{1,15}$/u.test(text) ? Number(text) : undefined))),
  duration: (raw, option) => readQuantity(raw, option, 'a duration such as 90 (seconds), 5m or 1h30m', parseDuration),
  size: (raw, option) => readQuantity(raw, option, 'a size such as 64KB, 256MB or 2GB', parseSize),
  url: (raw) => (raw instanceof URL ? readOrigin(raw.href) : typeof raw === 'string' ? readOrigin(raw) : refuse(ORIGIN_WORDS, raw)),
  string: readText,
  path: readText,
  // https://www.rfc-editor.org/rfc/rfc6750.html#section-2.1
  token: (raw) => (typeof raw === 'string' && /^[A-Za-z0-9._~+/-]+=*$/u.test(raw) ? { value: raw } : { refused: 'takes letters, digits and any of - . _ ~ + /, as a bearer token is made of' }),
  address: readAddress,
  networks: (raw) => readList(raw, 'addresses or ranges such as 10.0.0.0/8', isNetwork),
  hosts: (raw) => readList(raw, 'hosts such as api.example.com, *.example.com or 10.0.0.5:8080, without scheme or path', isHostPattern),
  // The message leaves out what was given: there may be a password in it.
  redis: (raw) => (typeof raw === 'string' && parseRedisUrl(raw) !== undefined ? { value: raw } : { refused: `takes ${REDIS_WORDS}.` }),
  servers: (raw) => readList(raw, 'servers such as cache1:11211 or 10.0.0.5', (text) => isHostPattern(text) && !text.includes('*')),
  list: (raw) => (isTexts(raw) ? { value: raw } : refuse('a list of texts', raw)),
  choice: (raw, option) => {
    const choices = option.choices ?? [];
    if (typeof raw === 'string' && choices.includes(raw)) return { value: raw };
    const refusal = refuse(oneOf(choices), raw);
    return typeof raw === 'string' ? { refused: refusal.refused.replace(/\.$/u, '') + (didYouMean(raw, choices) || '.') } : refusal;
  },
};

function refuse(accepted: string, raw: unknown): { refused: string } {
  return { refused: `takes ${accepted}, not ${show(raw)}.` };
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)!}`;
}

function show(raw: unknown): string {
  if (typeof raw === 'string') return JSON.stringify(raw.length > 80 ? `${raw.slice(0, 80)}…` : raw);
  if (Array.isArray(raw)) return 'a list';
  return raw === null || typeof raw !== 'object' ? String(raw) : 'an object';
}

function readQuantity(raw: unknown, option: Option, words: string, parse: (text: string) => number | undefined): Reading {
  const number = typeof raw === 'number' ? raw : typeof raw === 'string' ? parse(raw) : undefined;
  const whole = option.type === 'duration' || Number.isSafeInteger(number);
  const inRange =
    number !== undefined && Number.isFinite(number) && number >= parse(option.min ?? '0')! && (option.max === undefined || number <= parse(option.max)!);
  if (inRange && whole) return { value: number };
  const { min = '0', max } = option;
  const range = max !== undefined && (option.type === 'integer' || number !== undefined) ? `, from ${min} to ${max}` : min === '0' ? '' : `, at least ${min}`;
  return refuse(words + range, raw);
}

function readText(raw: unknown): Reading {
  return typeof raw === 'string' && raw !== '' ? { value: raw } : refuse('some text', raw);
}

const REDIS_WORDS = 'a URL such as redis://host:6379, rediss://user:password@host, redis+cluster://host1:6379,host2:6379 or redis+sentinel://host1:26379,host2:26379?master=NAME';
const ORIGIN_WORDS = 'a URL such as http://localhost:3000';

/** The URL of an origin in its normal form, without the slash at its end. */
function readOrigin(text: string): Reading {
  // The URL parser would drop or mend these silently.
  if (/[\s\\\p{Cc}]/u.test(text)) return refuse(`${ORIGIN_WORDS}, without spaces or backslashes`, text);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const guess = /^:?\d{1,5}$/u.test(text) ? `http://localhost:${text.replace(':', '')}` : `http://${text.replace(/^(?:https?:)?\/*/iu, '')}`;
    return { refused: `takes ${ORIGIN_WORDS}, not ${show(text)}${URL.canParse(guess) ? `; did you mean ${guess}?` : '.'}` };
  }
  if (scheme !== 'http' && scheme !== 'https') return { refused: `takes an http:// or https:// URL; ${scheme}:// is not supported.` };
  const url = /^[^/]+:\/\/[^/?#]/u.test(text) ? URL.parse(text) : null;
  if (url === null || url.port === '0') return refuse(`${ORIGIN_WORDS} with a valid host and port`, text);
  // The message leaves the password out: it may end up in a log.
  if (url.username !== '' || url.password !== '') return { refused: `takes no user name or password; leave out what stands before the @ in front of ${url.host}.` };
  if (text.includes('#')) return { refused: `takes no fragment; leave out what begins at the # in ${show(text)}.` };
  if (text.includes('?')) return { refused: `takes no query; leave out what begins at the ? in ${show(text)}.` };
  return { value: url.href.replace(/\/+$/u, '') };
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/iu;

function readAddress(raw: unknown): Reading {
  if (typeof raw === 'string') {
    const bare = raw.replace(/^\[(.*)\]$/u, '$1');
    if (isIP(bare) !== 0 || (HOST_NAME.test(raw) && !/^[\d.]+$/u.test(raw))) return { value: bare.toLowerCase() };
  }
  return refuse('an address to listen on such as 127.0.0.1, 0.0.0.0 or ::1', raw);
}

function isTexts(raw: unknown): raw is string[] {
  return Array.isArray(raw) && raw.every((one) => typeof one === 'string');
}

/** A list of texts, or one text with commas; each in lower case. */
function readList(raw: unknown, words: string, accepts: (one: string) => boolean): Reading {
  const texts = typeof raw === 'string' ? [raw] : raw;
  if (!isTexts(texts)) return refuse(`a list of ${words}`, raw);
  const values = texts.flatMap((text) => text.split(',')).map((one) => one.trim().toLowerCase());
  const wrong = values.find((one) => !accepts(one));
  return wrong === undefined ? { value: values } : refuse(words, wrong);
}

function isNetwork(text: string): boolean {
  const [, address = '', length] = /^([^/%]+)(?:\/(\d{1,3}))?$/u.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(length ?? 0) <= (version === 4 ? 32 : 128);
}

/** A name, `*.` before a name, an address, or `*`; each perhaps with a port. */
function isHostPattern(text: string): boolean {
  if (isIP(text) === 6) return true;
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/u.exec(text) ?? [];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return false;
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  return plain === '*' || isIP(plain) === 4 || HOST_NAME.test(plain.replace(/^\*\./u, ''));
}
