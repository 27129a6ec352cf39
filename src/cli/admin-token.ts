/**
 * @module cli/admin-token
 * The token of the administration, as it may be given to the command: by a flag, in a file, or in the environment.
 */
import type { Options } from '../config.ts';
import { readTokenFile } from '../config/token-file.ts';
import { type CommandLine, readOption } from './command-line.ts';

export const TOKEN_VARIABLE = 'MILLRACE_ADMIN_TOKEN';

/** The options of a start with one source for the token: flags go before the configuration file, and that before the environment. */
export function withOneToken(fromFile: Options, flags: Options): Options {
  if (hasToken(flags)) return { ...fromFile, adminToken: undefined, adminTokenFile: undefined, ...flags };
  const all = { ...fromFile, ...flags };
  // One that is set and empty is refused, as somebody believes that there is a token.
  return hasToken(all) || process.env[TOKEN_VARIABLE] === undefined ? all : { ...all, adminToken: process.env[TOKEN_VARIABLE] };
}

function hasToken({ adminToken, adminTokenFile }: Options): boolean {
  return adminToken !== undefined || adminTokenFile !== undefined;
}

/** The token with which a command asks; undefined where its words name none. */
export function namedToken(commandLine: CommandLine): string | undefined {
  const token = readOption(commandLine, 'admin-token') as string | undefined;
  if (token !== undefined) return token;
  const file = readOption(commandLine, 'admin-token-file') as string | undefined;
  return file === undefined ? undefined : readTokenFile(file, '--admin-token-file');
}

/** The options whose values other users shall not see, and what of a value they may see. */
const SECRET: Readonly<Record<string, (value: string) => string>> = {
  '--admin-token': () => '***',
  '--redis': (url) => url.replace(/\/\/[^@/]*@/, '//***@'),
};

/** Takes secrets out of the command line that other users of the machine see, as far as the system lets a process do that. */
export function hideSecrets(args: readonly string[]): void {
  const shown = args.map((word, i) => {
    const [name = '', ...value] = word.split('=');
    const hide = value.length > 0 ? SECRET[name] : undefined;
    return hide === undefined ? (SECRET[args[i - 1] ?? '']?.(word) ?? word) : `${name}=${hide(value.join('='))}`;
  });
  // On Windows it is the title of the window.
  if (process.platform !== 'win32' && shown.some((word, i) => word !== args[i])) process.title = ['millrace', ...shown].join(' ');
}
