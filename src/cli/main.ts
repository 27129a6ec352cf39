/**
 * @module cli/main
 * From the words of the command line to a command, and from an error to one sentence and an exit
 * code: 2 where the command line or the configuration is wrong, 1 where something failed.
 */
import { resolveConfig } from '../config.ts';
import type { Config, Options } from '../config.ts';
import type { ConfigSource } from '../config/file.ts';
import { OPTIONS, OPTION_OF_FIELD } from '../config/options.ts';
import { MillraceError } from '../errors.ts';
import { printable } from '../server/printable.ts';
import type { RunningServer } from '../server/main.ts';
import { TOKEN_VARIABLE, hideSecrets, withOneToken } from './admin-token.ts';
import { configOptions, readCommandLine } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import { helpText } from './help.ts';
import { say } from './terminal.ts';
import { readVersion } from './version.ts';

/** Never throws; the outcome is process.exitCode. */
export async function main(args: readonly string[]): Promise<void> {
  // Whoever reads may leave first, as `| head` does.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    hideSecrets(args);
    refuseFlagsOfNpm(args);
    await run(readCommandLine(args));
  } catch (error) {
    fail(error);
  }
}

/**
 * `npm start --origin URL` gives the flag to npm, which puts it into the environment and starts us without it.
 * @throws {MillraceError} ERR_USAGE
 */
function refuseFlagsOfNpm(args: readonly string[]): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  for (const { name, value, commands } of OPTIONS) {
    const taken = process.env[`npm_config_${name.replaceAll('-', '_')}`];
    if (value === undefined || taken === undefined || !commands.includes('serve') || args.includes(`--${name}`)) continue;
    throw new MillraceError('ERR_USAGE', `npm took --${name} for an option of its own. Put -- in front of it: npm start -- --${name} ${taken === 'true' ? args.join(' ') : taken}`);
  }
}

async function run(commandLine: CommandLine): Promise<void> {
  const { command, help, given } = commandLine;
  if (help) return void process.stdout.write(helpText(command, readVersion()));
  if (commandLine.version) return void process.stdout.write(`${readVersion()}\n`);
  // What a command does not need is not loaded: --help and stats should be there at once.
  if (command === 'serve' || command === 'demo') {
    const version = readVersion();
    const { config, ...from } = await readConfig(commandLine);
    const { serve } = await import('./serve.ts');
    const staleTime = commandLine.operands.find((operand) => /^\d+$/u.test(operand));
    if (command === 'serve') return void (await serve(config, { ...from, version, staleTime, clear: given.has('clear-cache') }));
    const start = (one: Config): Promise<RunningServer> => serve(one, { version });
    const { runDemo } = await import('../demo/main.ts');
    return runDemo(config, { port: given.has('port') ? config.port : undefined, serve: start, say });
  }
  if (command === 'warm') {
    const { warm } = await import('./warm/main.ts');
    const { text, hasFailed } = await warm(commandLine, given.has('json'));
    process.stdout.write(text);
    if (hasFailed) process.exitCode = 1;
    return;
  }
  const { clientCommands } = await import('./client-commands.ts');
  const text = await clientCommands[command](commandLine, given.has('json'));
  process.stdout.write(text);
}

/** Where the command keeps what any host may send, unless it is told where. */
const DEFAULT_DIRECTORY = './cache';

/** The file named with --config, and the flags over it. */
async function readConfig(commandLine: CommandLine): Promise<{ config: Config; source: ConfigSource | undefined; mayDoWithoutDisk: boolean }> {
  const { options, places } = configOptions(commandLine);
  const file = commandLine.given.get('config');
  let fromFile: Options = {};
  if (typeof file === 'string') {
    const { loadConfigFile } = await import('../config/file.ts');
    fromFile = await loadConfigFile(file);
  }
  const nameOf = (field: keyof Options): string =>
    places.get(field) ?? (field === 'adminToken' && fromFile.adminToken === undefined ? TOKEN_VARIABLE : fromFile[field] !== undefined ? `${field} in ${String(file)}` : `--${OPTION_OF_FIELD.get(field)!.name}`);
  const all = withOneToken(fromFile, options);
  const mayDoWithoutDisk = commandLine.command === 'serve' && all.origin === undefined && all.cacheDir === undefined && all.redis === undefined && all.memcached === undefined;
  const config = resolveConfig(mayDoWithoutDisk ? { ...all, cacheDir: DEFAULT_DIRECTORY } : all, nameOf);
  return { config, source: typeof file === 'string' ? { file, over: options } : undefined, mayDoWithoutDisk };
}

function fail(error: unknown): void {
  const { code, message, cause } = MillraceError.from(error);
  for (const [i, line] of message.split('\n').entries()) say(`${i === 0 ? 'millrace: ' : ''}${printable(line)}`);
  if (code === 'ERR_USAGE' && !message.includes('\n')) say("Try 'millrace --help'.");
  // A defect of ours: where it happened is what a report needs.
  if (code === 'ERR_INTERNAL' && cause instanceof Error) say(cause.stack ?? '');
  process.exitCode = code === 'ERR_USAGE' || code === 'ERR_CONFIG' ? 2 : 1;
}
