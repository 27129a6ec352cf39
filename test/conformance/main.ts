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
import type { Peer, PeerName } from './peers.ts';
import { Player } from './player.ts';
import { data, shortfalls, summary, table } from './report.ts';
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

const { values: options } = readOptions();
try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run(): Promise<number> {
  if (options.help) return print(HELP, 0);
  const file = options.cases ?? DEFAULT_CASES;
  const all = await loadSuites(file);
  if (all === undefined) return print(absence(file), options['if-present'] ? 0 : 2);
  const suites = options.only === undefined ? all : select(all, options.only.split(','));

  const trace = options.only === undefined ? undefined : new Trace();
  const origin = new ScriptedOrigin(trace);
  const originPort = await origin.listen(Number(options['origin-port'] ?? 0));
  try {
    const cache = await startCache(originPort);
    try {
      return await playAndReport(suites, cache, trace);
    } finally {
      await cache.close();
    }
  } finally {
    await origin.close();
  }
}

async function playAndReport(suites: readonly Suite[], cache: Peer, trace: Trace | undefined): Promise<number> {
  const player = new Player(cache.url, isSelf() ? 'strict' : 'published', trace);
  const plays = await player.playAll(suites.flatMap((suite) => suite.tests));
  player.close();
  const outcomes = settle(suites, plays);
  const compared = isSelf() && options.only === undefined;
  const unexpected = compared ? departures(outcomes, EXPECTED[mode()]) : [];

  if (options.json) {
    process.stdout.write(`${JSON.stringify({ target: subject(), ...data(suites, outcomes), unexpected }, undefined, 2)}\n`);
  } else if (trace !== undefined) {
    for (const [index, outcome] of outcomes.entries()) {
      const { id, name, kind, verdict, message } = outcome;
      process.stdout.write(`=== ${id} (${kind}): ${name}\n${trace.of(plays[index]!.uuid)}\n=== ${id}: ${verdict}${message && `: ${message}`}\n\n`);
    }
  } else {
    process.stdout.write(`${shortfalls(outcomes)}\n\n${subject()}\n${table(suites, outcomes)}\n\n${summary(outcomes)}\n`);
    if (compared) process.stdout.write(unexpected.length === 0 ? 'As expected.\n' : `\nNot as expected:\n${unexpected.join('\n')}\n`);
  }
  return unexpected.length === 0 ? 0 : 1;
}

function startCache(originPort: number): Promise<Peer> {
  if (options.target !== undefined) return Promise.resolve({ url: options.target, close: () => Promise.resolve() });
  if (options.peer !== undefined) return startPeer(options.peer as PeerName, originPort);
  throw new UsageError('Millrace cannot be started from here yet; name a cache with --target or --peer.');
}

function isSelf(): boolean {
  return options.target === undefined && options.peer === undefined;
}

function mode(): Mode {
  return (options.mode ?? 'rfc9111') as Mode;
}

function subject(): string {
  return options.target ?? options.peer ?? `Millrace, mode ${mode()}`;
}

/** The suites with only the named cases. */
function select(suites: readonly Suite[], ids: readonly string[]): Suite[] {
  const known = new Set(suites.flatMap((suite) => suite.tests.map((test) => test.id)));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new UsageError(`No such case: ${unknown.join(', ')}.`);
  return suites.map((suite) => ({ ...suite, tests: suite.tests.filter((test) => ids.includes(test.id)).map(({ depends_on: _, ...test }) => test) }));
}

function print(text: string, code: number): number {
  process.stdout.write(`${text}\n`);
  return code;
}

function readOptions() {
  try {
    const parsed = parseArgs({
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
    });
    return parsed;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}
