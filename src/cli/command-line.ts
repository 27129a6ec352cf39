/**
 * @module cli/command-line
 * Reads the words of the command line into a command and its options. node:util cuts the words
 * into tokens; what each may be stands in the table of options.
 */
import { parseArgs } from 'node:util';
import type { Options } from '../config.ts';
import { OPTIONS } from '../config/options.ts';
import type { CommandName, Option } from '../config/options.ts';
import { parseDuration } from '../config/quantity.ts';
import { didYouMean } from '../config/suggestion.ts';
import { readValue } from '../config/values.ts';
import { MillraceError } from '../errors.ts';

/** The commands that have a word of their own; without one, the proxy is started. */
export const COMMANDS: readonly { name: CommandName; usage: string; doc: string }[] = [
  { name: 'stats', usage: 'stats', doc: 'what the running instance counted' },
  { name: 'purge', usage: 'purge URL', doc: 'remove it; or by --prefix, --host, --tag or --all' },
  { name: 'explain', usage: 'explain URL', doc: 'why it is or is not answered from the cache' },
  { name: 'warm', usage: 'warm URL…', doc: 'fetch through the proxy, or by --sitemap or --from' },
  { name: 'demo', usage: 'demo', doc: 'a gallery of images, and Millrace in front of it' },
];

export interface CommandLine {
  readonly command: CommandName;
  readonly help: boolean;
  readonly version: boolean;
  /** What stands after the command: for the proxy the origin and the stale_time, else URLs. */
  readonly operands: readonly string[];
  /** Options that were given, by name. */
  readonly given: ReadonlyMap<string, string | boolean | readonly string[]>;
}

/** @throws {MillraceError} ERR_USAGE; the message names the word and what is accepted */
export function readCommandLine(args: readonly string[]): CommandLine {
  const options = Object.fromEntries(
    OPTIONS.map(({ name, type, short }) => [name, { type: type === 'flag' ? ('boolean' as const) : ('string' as const), ...(short && { short }) }]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const asked = (name: string): boolean => tokens.some((token) => token.kind === 'option' && token.name === name);
  const word = COMMANDS.find(({ name }) => name === words[0])?.name;
  const operands = word === undefined ? words : words.slice(1);
  // Alone it is for the instance that runs; beside what only a start has a use for, it is a start with an empty cache.
  const starts = operands.length > 0 || OPTIONS.some(({ name, commands }) => asked(name) && commands.includes('serve') && !commands.includes('clear-cache'));
  const command = word ?? (asked('clear-cache') && !starts ? 'clear-cache' : 'serve');
  // Whoever asks for help is not corrected first.
  const help = asked('help');
  const version = asked('version');
  const given = new Map<string, string | boolean | readonly string[]>();
  if (!help && !version) {
    // Options first: the value of an unknown one would look like an operand.
    for (const token of tokens) if (token.kind === 'option') addOption(token, command, given);
    checkOperands(command, operands);
  }
  return { command, help, version, operands, given };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function addOption(token: OptionToken, command: CommandName, given: Map<string, string | boolean | readonly string[]>): void {
  const { name, rawName, value } = token;
  const taken = OPTIONS.filter((option) => option.commands.includes(command));
  const option = taken.find((one) => one.name === name);
  if (option === undefined) {
    const suggestion = didYouMean(name, taken.map((one) => one.name), '--');
    const elsewhere = OPTIONS.some((one) => one.name === name);
    throw usage(`${elsewhere ? `${title(command)} takes no option ${rawName}` : `There is no option ${rawName}`}${suggestion || '.'}`);
  }
  if (option.type === 'flag') {
    if (value !== undefined) throw usage(`${rawName} takes no value; write ${rawName} alone.`);
    given.set(name, true);
    return;
  }
  const looksLikeOption = token.inlineValue !== true && value?.startsWith('-') === true;
  if (value === undefined || looksLikeOption) throw usage(`${rawName} needs a value: ${rawName} ${option.value}.`);
  const before = given.get(name);
  if (before !== undefined && !isRepeatable(option)) throw usage(`${rawName} is given twice, as ${JSON.stringify(before)} and ${JSON.stringify(value)}; leave one of them out.`);
  given.set(name, isRepeatable(option) ? [...(Array.isArray(before) ? before : []), value] : value);
}

function isRepeatable({ type }: Option): boolean {
  return type === 'list' || type === 'networks' || type === 'hosts';
}

function checkOperands(command: CommandName, operands: readonly string[]): void {
  const [first, second] = operands;
  if (command === 'serve') return checkServeOperands(operands);
  if (command === 'warm') return;
  const most = command === 'explain' || command === 'purge' ? 1 : 0;
  const extra = most === 0 ? first : second;
  if (extra !== undefined) throw usage(`${title(command)} has no use for ${JSON.stringify(extra)}; leave it out.`);
  if (command === 'explain' && first === undefined) throw usage('millrace explain needs the URL to explain: millrace explain http://localhost:8080/page.');
}

/** An origin and a stale_time, each at most once. */
function checkServeOperands(operands: readonly string[]): void {
  for (const operand of operands) {
    if (parseDuration(operand) !== undefined || isOrigin(operand)) continue;
    const suggestion = didYouMean(operand, COMMANDS.map(({ name }) => name));
    throw usage(`${JSON.stringify(operand)} is neither a command, nor an origin such as http://localhost:3000, nor a stale_time such as 60 or 5m${suggestion || '.'}`);
  }
  for (const [kind, found] of [['origin', operands.filter(isOrigin)], ['stale_time', operands.filter((operand) => !isOrigin(operand))]] as const) {
    if (found.length > 1) throw usage(`millrace takes one ${kind}, not ${found.map((each) => JSON.stringify(each)).join(' and ')}; leave one of them out.`);
  }
}

/** A URL, or a host with a port or a path or a dot in its name: no word that could be a mistyped command. */
function isOrigin(operand: string): boolean {
  return /^https?:\/\//iu.test(operand) || /^(?:localhost|\[[0-9a-f:.]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?=:\d))(?::\d{1,5})?(?:\/\S*)?$/iu.test(operand);
}

function title(command: CommandName): string {
  return command === 'serve' ? 'millrace' : command === 'clear-cache' ? 'millrace --clear-cache' : `millrace ${command}`;
}

/** What the command line says about the configuration, and the flag each field came from. */
export function configOptions({ command, given, operands }: CommandLine): { options: Options; places: Map<string, string> } {
  const options: Record<string, unknown> = {};
  const places = new Map<string, string>();
  for (const { name, field, type, sets } of OPTIONS) {
    const value = given.get(name);
    if (field === undefined || value === undefined) continue;
    if (places.has(field)) throw usage(`${places.get(field)} and --${name} contradict each other; leave one of them out.`);
    options[field] = type === 'flag' ? sets : value;
    places.set(field, `--${name}`);
  }
  if (command !== 'serve') return { options, places };
  for (const operand of operands) {
    const [field, kind] = isOrigin(operand) ? (['origin', 'origin'] as const) : (['ttl', 'stale_time'] as const);
    if (places.has(field)) throw usage(`The ${kind} ${operand} and --${field} are the same setting; leave one of them out.`);
    options[field] = field === 'ttl' || /^https?:/iu.test(operand) ? operand : `http://${operand}`;
    places.set(field, kind);
  }
  return { options, places };
}

/** The value of one option that a client command was given, or its default, read as the table says; undefined where it has none. */
export function readOption(commandLine: CommandLine, name: string): unknown {
  const option = OPTIONS.find((one) => one.name === name && one.commands.includes(commandLine.command));
  // The default of an option of the proxy says nothing about an instance that runs.
  const raw = commandLine.given.get(name) ?? (option?.field === undefined ? option?.default : undefined);
  if (option === undefined || raw === undefined) return undefined;
  const reading = readValue(option, raw);
  if ('refused' in reading) throw usage(`--${name} ${reading.refused}`);
  return reading.value;
}

function usage(message: string): MillraceError {
  return new MillraceError('ERR_USAGE', message);
}
