/**
 * @module bench/main
 * `npm run bench`: Millrace and its peers before one origin, on cores of their own, by turns.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../test/kit/port.ts';
import { CASES } from './cases.ts';
import type { Case } from './cases.ts';
import { startChild, stopAll, untilListening } from './child.ts';
import { describeMachine, diskDirectory, fileSystemOf, findProgram, shareCores } from './machine.ts';
import { knowsWorkers } from './peers/millrace.ts';
import { race } from './race.ts';
import type { Pace } from './race.ts';
import { report, standings } from './report.ts';
import type { Bench, CaseResult } from './result.ts';
import { findRivals, OURS, rivalNames } from './rivals.ts';

const QUICK: Pace = { rounds: 3, seconds: 0.4, warmUp: 0.4 };
const FULL: Pace = { rounds: 5, seconds: 2, warmUp: 2 };

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, rivals: { type: 'string' }, rounds: { type: 'string' }, disk: { type: 'string' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });

if (values.help) {
  console.log(`npm run bench -- [--quick] [--only CASE,…] [--rivals NAME,…] [--rounds N] [--disk DIR] [--json FILE]
  cases   ${CASES.map(({ name, onlyNamed }) => `${name}${onlyNamed ? ' (only when named: minutes, and 4 GB for each rival)' : ''}`).join(', ')}
  rivals  ${rivalNames().join(', ')}
  disk    where the caches of disk-… lie; by default ${diskDirectory()}`);
  process.exit();
}
if (findProgram('wrk') === undefined) fail('The load generator wrk is not installed; on Debian: sudo apt-get install wrk');

const cases = chooseCases(listOf(values.only, CASES.map(({ name }) => name), '--only'));
const pace = { ...(values.quick ? QUICK : FULL), ...(values.rounds !== undefined && { rounds: readRounds(values.rounds) }) };
const { rivals, missing } = findRivals(listOf(values.rivals, rivalNames(), '--rivals'));
const machine = describeMachine();
const disk = values.disk ?? diskDirectory();
if (!existsSync(disk)) fail(`--disk names ${disk}, and there is no such directory.`);
const started = new Date();

console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, commit ${machine.commit}${machine.changed ? ' with changes' : ''}`);
console.log(`${pace.rounds} rounds of ${pace.seconds} s, by turns; ${shareCores(1).note}`);
console.log(rivals.map(({ peer, version }) => `${peer.name} ${version}`).join(' · '));
const [busy = 0] = loadavg();
if (busy > 0.5) console.log(`The machine is at work already (load ${busy.toFixed(1)}): CPU/req says more than req/s, and latencies say little.`);
if (missing.length > 0) console.log(`not found: ${missing.map(({ name, debian }) => `${name} (${debian})`).join(', ')}`);

for (const [name, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) process.once(name, () => void stopAll().finally(() => process.exit(code)));
const results: CaseResult[] = [];
const originPort = await freePort();
const origin = startChild([process.execPath, join(import.meta.dirname, 'origin.ts'), String(originPort)], { cores: shareCores(1).origin });
try {
  await untilListening(origin, originPort);
  for (const one of cases) {
    const entrants = await race({ ...one, disk }, rivals, pace, originPort, (doing) => progress(`${one.name}: ${doing}`));
    const found = standings(one, entrants, OURS);
    progress('');
    console.log(`\n${report(one, found, OURS)}`);
    results.push({ case: one.name, title: one.title, measures: one.measures, connections: one.connections * (one.besideWorkers === undefined ? 1 : one.workers), workers: one.workers, standings: found });
  }
} finally {
  await origin.stop();
}
const file = values.json ?? join(import.meta.dirname, 'results', `${started.toISOString().replaceAll(':', '-')}-${machine.commit}.json`);
mkdirSync(dirname(file), { recursive: true });
const options = Object.entries(values).filter(([name]) => name !== 'json').flatMap(([name, value]) => (value === false ? [] : value === true ? `--${name}` : `--${name} ${value}`));
const command = ['npm run bench', ...(options.length > 0 ? ['--', ...options] : [])].join(' ');
const bench: Bench = { started: started.toISOString(), command, machine, loadBefore: busy, pace, pinned: shareCores(1), disk: fileSystemOf(disk), results };
writeFileSync(file, `${JSON.stringify(bench)}\n`);
console.log(`\n${OURS} ÷ it: the median of the ratios of rounds that ran side by side (the least–the most).
busy: the share of its cores the server used; well below 100 %, the load generator was the limit, or another program.
memory: of the processes; the cache files of nginx, httpd and trafficserver are not in it, all of haproxy's cache is.
Everything is in ${file}`);

function chooseCases(names: readonly string[] | undefined): readonly Case[] {
  const asked = CASES.filter((one) => (names !== undefined ? names.includes(one.name) : values.quick ? one.quick : !one.onlyNamed));
  const able = knowsWorkers ? asked : asked.filter(({ name }) => !name.startsWith('workers-'));
  const overHttp1 = able.filter(({ streams }) => streams === undefined);
  if (overHttp1.length === able.length || findProgram('h2load') !== undefined) return able;
  console.log('Without h2load (on Debian: sudo apt-get install nghttp2-client) HTTP/2 is left out.');
  return overHttp1;
}

function listOf(text: string | undefined, known: readonly string[], option: string): string[] | undefined {
  const names = text?.split(',');
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) fail(`${option} knows no ${unknown}; there are ${known.join(', ')}.`);
  return names;
}

function readRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds takes a whole number from 1, not ${text}.`);
  return rounds;
}

/** One line on a terminal that the next one replaces; nothing elsewhere. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
