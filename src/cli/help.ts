/**
 * @module cli/help
 * The table of options as people read it: `--help` on one screen, and the table of the README.
 */
import { OPTIONS } from '../config/options.ts';
import type { CommandName, Option } from '../config/options.ts';
import { COMMANDS } from './command-line.ts';

const FORMS: readonly (readonly [usage: string, doc: string])[] = [
  ['millrace --origin URL', 'stand in front of one origin, on port 8080'],
  ['millrace [stale_time]', 'any host, as http://localhost:8888/HOST/PATH'],
  ...COMMANDS.map(({ usage, doc }) => [`millrace ${usage}`, doc] as const),
];

/** At most 80 columns; for the proxy itself at most 50 lines. */
export function helpText(command: CommandName, version: string): string {
  const own = COMMANDS.find(({ name }) => name === command);
  const lines = [own === undefined ? `Millrace ${version}, an HTTP caching proxy that can say why` : `millrace ${own.usage}`];
  if (own === undefined) lines.push(...columns(FORMS), '  stale_time: how long everything is kept, in seconds or as 5m; 0 caches nothing');
  else lines.push(`  ${own.doc}`, '');
  const options = OPTIONS.filter(({ commands }) => commands.includes(own?.name ?? 'serve'));
  const groups = own === undefined ? Map.groupBy(options, ({ group }) => group) : new Map([['Options', options.map((option) => forCommand(option, own.name))]]);
  for (const [group, members] of groups) {
    lines.push(`${group}:`, ...columns(members.flatMap(row)));
  }
  return `${lines.join('\n')}\n`;
}

/** Options that share a line, with what it says of both. */
const PAIRS: ReadonlyMap<string, readonly [second: string, doc: string]> = new Map([
  ['help', ['version', 'this text, also after a command; the version']],
  ['tls-cert', ['tls-key', 'serve https with this certificate (PEM)']],
  ['max-connections', ['max-connections-per-address', 'of clients (512)']],
  ['connect-timeout', ['origin-timeout', 'connecting; answering (10s, 1m)']],
  ['origin-cert', ['origin-key', 'show it this client certificate (PEM)']],
  ['admin-token', ['admin-token-file', 'administer by it (bearer)']],
  ['preserve-host', ['no-preserve-host', "origin gets the client's Host, or not"]],
  ['redis', ['memcached', 'share the cache by Redis, Valkey or Memcached']],
]);

function row(option: Option): [left: string, right: string][] {
  if ([...PAIRS.values()].some(([second]) => second === option.name)) return [];
  const [second, doc] = PAIRS.get(option.name) ?? [];
  const other = OPTIONS.find(({ name }) => name === second);
  return other === undefined ? [[flagWords(option), docWords(option)]] : [[`${flagWords(option)}, ${flagWords(other)}`, doc!]];
}

/** Beside the proxy itself an option may mean less, and its default hangs on nothing else. */
function forCommand(option: Option, command: CommandName): Option {
  const { defaultWords: _words, default: fallback, ...rest } = option;
  if (command !== 'demo' && option.clientDoc !== undefined) return { ...rest, doc: option.clientDoc };
  return fallback === undefined ? rest : { ...rest, default: fallback };
}

function columns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  return rows.map(([left, right]) => (left.length > 24 ? `  ${left}  ${right}` : `  ${left.padEnd(24)}  ${right}`));
}

function flagWords({ name, short, value }: Option): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

function docWords(option: Option): string {
  const fallback = option.default ?? option.defaultWords;
  return fallback === undefined ? option.doc : `${option.doc} (${fallback})`;
}

/** The options of the proxy as a Markdown table: flag, field of the configuration, default, meaning. */
export function optionsAsMarkdown(): string {
  const rows = OPTIONS.filter(({ commands }) => commands.includes('serve')).map((option) => [
    `\`${flagWords(option)}\``,
    option.field === undefined ? '' : `\`${option.field}${option.type === 'flag' ? `: ${option.sets}` : ''}\``,
    option.default !== undefined ? `\`${option.default}\`` : (option.defaultWords ?? ''),
    option.doc,
  ]);
  const lines = [['Flag', 'In a configuration file', 'Default', 'What it does'], ['---', '---', '---', '---'], ...rows];
  return `${lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`;
}
