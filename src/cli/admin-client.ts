/**
 * @module cli/admin-client
 * Asks a running instance over its admin API.
 */
import { MillraceError } from '../errors.ts';
import { printable } from '../server/printable.ts';
import { TOKEN_VARIABLE, namedToken } from './admin-token.ts';
import { readOption } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import { exchange } from './exchange.ts';
import { type Instance, runningInstances } from './instances.ts';
import { withProgress } from './terminal.ts';
import type { Serving } from './warm/places.ts';

/** Where an instance is asked, and with what. */
export interface AdminTarget {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
  /** See Instance. */
  readonly certificate?: string | undefined;
}

/** Milliseconds an answer may take. */
const PATIENCE = 60_000;

/**
 * The instance a command means: the one that runs, or the one --port (and --host) tell.
 * @throws {MillraceError} ERR_NO_INSTANCE where none runs, ERR_USAGE where several do
 */
export async function findTarget(commandLine: CommandLine): Promise<AdminTarget> {
  const token = namedToken(commandLine);
  const found = await findInstance(commandLine);
  if (typeof found === 'string') return { url: found, token: token ?? process.env[TOKEN_VARIABLE] };
  if (found.adminUrl === undefined) throw new MillraceError('ERR_NO_INSTANCE', `The instance on port ${found.port} was started with --no-admin, so it cannot be asked.`);
  return { url: found.adminUrl, token: token ?? found.adminSecret, certificate: found.certificate };
}

/**
 * Where that instance serves its clients.
 * @throws what findTarget throws
 */
export async function findServing(commandLine: CommandLine): Promise<Serving> {
  const found = await findInstance(commandLine);
  if (typeof found === 'string') return { url: found, origin: 'unknown' };
  return { url: found.url, certificate: found.certificate, origin: found.origin === undefined ? 'any' : { only: found.origin } };
}

/** Text: it is at that URL, and more is not known of it. */
async function findInstance(commandLine: CommandLine): Promise<Instance | string> {
  const port = readOption(commandLine, 'port') as number | undefined;
  const host = readOption(commandLine, 'host') as string | undefined;
  const running = await runningInstances();
  const matching = running.filter((one) => (port === undefined || one.port === port) && (host === undefined || one.host === host));
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return only;
  if (matching.length > 1) throw new MillraceError('ERR_USAGE', `Several instances run; name one with --port:\n${matching.map(describe).join('\n')}`);
  // It may run as another user, or elsewhere.
  if (port !== undefined) return `http://${authority(host ?? '127.0.0.1')}:${port}`;
  if (host !== undefined) throw new MillraceError('ERR_USAGE', `--host ${host} needs --port: none of your running instances has that address.`);
  throw new MillraceError('ERR_NO_INSTANCE', 'No instance of yours runs. Start one with millrace --origin URL, or name the port of one that another user runs with --port.');
}

function describe({ port, origin, pid, started }: Instance): string {
  return `  --port ${port}  ${printable(origin ?? 'any host')}  process ${pid}, since ${printable(started)}`;
}

function authority(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Sends one request and returns the JSON of the answer.
 * @throws {MillraceError} ERR_NO_INSTANCE where nothing of ours answers, ERR_ADMIN_INPUT and the like as the instance says
 */
export function askInstance({ url, token, certificate }: AdminTarget, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
  return withProgress(`Waiting for ${url}`, ask());

  async function ask(): Promise<unknown> {
    const { status, text } = await exchange(`${url}${path}`, {
      method,
      headers: { accept: 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeout: PATIENCE,
      certificate,
    }).catch((cause: unknown) => {
      const words = (cause as NodeJS.ErrnoException).code === 'ETIMEDOUT' ? `did not answer within ${PATIENCE / 1000} s` : 'does not answer';
      throw new MillraceError('ERR_NO_INSTANCE', `${url} ${words}. Does Millrace run there?`, { cause });
    });
    const answer = parseJson(text);
    if (status === 200 && answer !== undefined) return answer;
    throw refusal(url, status, answer);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** https://www.rfc-editor.org/rfc/rfc9457.html#section-3.1 */
function refusal(url: string, status: number, answer: unknown): MillraceError {
  const detail = typeof answer === 'object' && answer !== null && 'detail' in answer ? answer.detail : undefined;
  if (typeof detail === 'string') return new MillraceError('ERR_ADMIN_DENIED', detail);
  return new MillraceError('ERR_NO_INSTANCE', `${url} answers with ${status} and not as Millrace does. Is it the right port?`);
}
