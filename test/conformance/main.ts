/**
 * @module conformance/main
 * `npm run conformance`: plays the public HTTP caching suite against Millrace, another cache by URL,
 * or a peer from Debian's packages, and says how each case came out.
 */
import { parseArgs } from 'node:util';
import { absence, DEFAULT_CASES, loadSuites } from './cases.ts';
import type { Suite } from './cases.ts';
import { departures } from './comparison.ts';
import { EXPECTED } from './expected.ts';
import type { Mode } from './expected.ts';
import { ScriptedOrigin } from './origin.ts';
import { settle } from './outcome.ts';
import { PEERS, startPeer } from './peers.ts';
import type { PeerName, RunningCache } from './peers.ts';
import { Player } from './player.ts';
import { data, exchange, shortfalls, summary, table } from './report.ts';
import { startSelf } from './self.ts';
import { Trace } from './trace.ts';

const HELP = `Plays the public HTTP caching suite (http-tests/cache-tests) against a cache.

npm run conformance -- [options]
  --self            Millrace, started in front of the scripted origin (the default)
  --mode MODE       how Millrace is started: rfc9111 (--preset rfc9111, the default)
                    or safe (the safe defaults, with --default-ttl 0)
  --target URL      a cache that is already running and forwards to the scripted origin
  --origin-port N   the port of the scripted origin on 127.0.0.1 (needed with --target, else free)
  --peer NAME       ${PEERS.join(', ')}: started here, where its package is installed
  --cases FILE      the cases; default: ${DEFAULT_CASES}
  --if-present      where the cases are absent, say so and succeed
  --only ID,…       only these cases, dependencies aside, with every message that passed
  --json            the results as JSON
  --help

Ends with 0 where all is as held in test/conformance/expected.ts (--self) or all was played
(--target, --peer), 1 where not, 2 where it was called wrongly or the cases are absent.`;

/** What the user must change; the exit code is 2. */
class UsageError extends Error {}

interface Settings {
  readonly cases: string;
  readonly ifPresent: boolean;
  readonly only: readonly string[] | undefined;
  readonly json: boolean;
  readonly originPort: number;
  readonly cache: { readonly self: Mode } | { readonly target: string } | { readonly peer: PeerName };
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run(): Promise<number> {
  const settings = readSettings();
  if (settings === undefined) return print(HELP, 0);
  const all = await loadSuites(settings.cases);
  if (all === undefined) return print(absence(settings.cases), settings.ifPresent ? 0 : 2);
  const suites = settings.only === undefined ? all : select(all, settings.only);

  const trace = settings.only === undefined ? undefined : new Trace();
  const origin = new ScriptedOrigin(trace);
  const originPort = await origin.listen(settings.originPort);
  try {
    const cache = await startCache(settings, originPort);
    try {
      return await playAndReport(settings, suites, cache, trace);
    } finally {
      await cache.close();
    }
  } finally {
    await origin.close();
  }
}

/** Undefined: help was asked for. */
function readSettings(): Settings | undefined {
  const options = parse();
  if (options.help) return undefined;
  const { self, target, peer, mode = 'rfc9111' } = options;
  const originPort = Number(options['origin-port'] ?? 0);
  if (!Number.isInteger(originPort) || originPort < 0 || originPort > 65_535) throw new UsageError(`--origin-port takes a port, not ${options['origin-port']}.`);
  if ([self, target, peer].filter((one) => one !== undefined).length > 1) throw new UsageError('Name one cache only: --self, --target or --peer.');
  let cache: Settings['cache'];
  if (target !== undefined) {
    if (URL.parse(target)?.protocol !== 'http:') throw new UsageError(`--target takes an http URL, not ${target}.`);
    if (originPort === 0) throw new UsageError('--target needs --origin-port N; let the cache forward to http://127.0.0.1:N.');
    cache = { target };
  } else if (peer !== undefined) {
    if (!PEERS.includes(peer as PeerName)) throw new UsageError(`--peer takes ${PEERS.join(', ')}, not ${peer}.`);
    cache = { peer: peer as PeerName };
  } else {
    if (!(mode in EXPECTED)) throw new UsageError(`--mode takes ${Object.keys(EXPECTED).join(' or ')}, not ${mode}.`);
    cache = { self: mode as Mode };
  }
  return {
    cases: options.cases ?? DEFAULT_CASES,
    ifPresent: options['if-present'] ?? false,
    only: options.only?.split(','),
    json: options.json ?? false,
    originPort,
    cache,
  };
}

function parse() {
  try {
    return parseArgs({
      options: {
        self: { type: 'boolean' },
        mode: { type: 'string' },
        target: { type: 'string' },
        'origin-port': { type: 'string' },
        peer: { type: 'string' },
        cases: { type: 'string' },
        'if-present': { type: 'boolean' },
        only: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. See --help.`);
  }
}

function startCache({ cache }: Settings, originPort: number): Promise<RunningCache> {
  if ('target' in cache) return Promise.resolve({ url: cache.target, close: () => Promise.resolve() });
  if ('peer' in cache) return startPeer(cache.peer, originPort);
  return startSelf(cache.self, originPort, (error) => process.stderr.write(`A defect in Millrace: ${String(error)}\n`));
}

async function playAndReport({ cache: tested, only, json }: Settings, suites: readonly Suite[], cache: RunningCache, trace: Trace | undefined): Promise<number> {
  const self = 'self' in tested ? tested.self : undefined;
  const subject = 'target' in tested ? tested.target : 'peer' in tested ? tested.peer : `Millrace, mode ${tested.self}`;
  const player = new Player(cache.url, self === undefined ? 'published' : 'strict', trace);
  const plays = await player.playAll(suites.flatMap((suite) => suite.tests));
  player.close();
  const outcomes = settle(suites, plays);
  const compared = self !== undefined && only === undefined;
  const unexpected = compared ? departures(outcomes, EXPECTED[self]) : [];

  if (json) {
    process.stdout.write(`${JSON.stringify({ subject, ...data(suites, outcomes), unexpected }, undefined, 2)}\n`);
  } else if (trace !== undefined) {
    for (const [index, outcome] of outcomes.entries()) process.stdout.write(exchange(outcome, trace.of(plays[index]!.uuid)));
  } else {
    process.stdout.write(`${shortfalls(outcomes)}\n\n${subject}\n${table(suites, outcomes)}\n\n${summary(outcomes)}\n`);
    if (compared) process.stdout.write(unexpected.length === 0 ? 'All as held in expected.ts.\n' : `\nNot as held in expected.ts:\n${unexpected.join('\n')}\n`);
  }
  return unexpected.length === 0 ? 0 : 1;
}

/** The suites with only the named cases, each standing on its own. */
function select(suites: readonly Suite[], ids: readonly string[]): Suite[] {
  const known = new Set(suites.flatMap((suite) => suite.tests.map((test) => test.id)));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new UsageError(`No such case: ${unknown.join(', ')}.`);
  return suites.map((suite) => ({ ...suite, tests: suite.tests.filter((test) => ids.includes(test.id)).map((test) => ({ ...test, depends_on: [] })) }));
}

function print(text: string, code: number): number {
  process.stdout.write(`${text}\n`);
  return code;
}
