/**
 * @module bench/eviction/main
 * `npm run bench:eviction -- TRACE`: how often the real stores have what a trace asks for, beside
 * FIFO, LRU and the optimum, with room for a small part of all objects.
 */
import { parseArgs } from 'node:util';
import { type Hits, REFERENCES } from './references.ts';
import { type StoreName, bodyLengths, costsIn, replay } from './replay.ts';
import { type Trace, traceFile, zipfTrace } from './trace.ts';

const SHARES = [0.01, 0.05, 0.1, 0.25];
/** Requests of a made-up trace, for each of its objects. */
const LENGTH = 10;
const STORES: readonly StoreName[] = ['memory', 'disk'];
const REFERENCE_NAMES = ['FIFO', 'LRU', 'Belady'] as const;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { zipf: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
const [file] = positionals;
if (values.help === true || (file === undefined) === (values.zipf === undefined)) {
  console.log(`npm run bench:eviction -- TRACE     a file: one key a line, with its size in bytes behind it where that is known
npm run bench:eviction -- --zipf N  a made-up trace over N objects, with Zipf's popularity`);
  process.exit(values.help === true ? 0 : 2);
}
for (const [name, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) process.once(name, () => process.exit(code));

const trace = await load();
const { requests, sizes, objects } = trace;
console.log(`${requests.length.toLocaleString('en')} requests for ${objects.toLocaleString('en')} objects${sizes === undefined ? '' : `, ${(total(sizes) / 2 ** 20).toFixed(0)} MB in all`}`);
const lengths = bodyLengths(trace);
const costs = { memory: await costsIn('memory', lengths), disk: await costsIn('disk', lengths) };
const columns = [...STORES, ...REFERENCE_NAMES];
for (const ratio of sizes === undefined ? ['object'] : ['object', 'byte']) console.log(`${`${ratio} hit ratio, %`.padEnd(20)}${columns.map((name) => name.padStart(9)).join('')}`);
for (const share of SHARES) {
  const room = `${share * 100} % of the objects`;
  const found: Hits[] = [];
  for (const name of STORES) {
    found.push(await replay(name, trace, lengths, share * total(costs[name]), (done) => progress(`${room}: ${name} ${Math.floor(done * 100)} %`)));
  }
  for (const name of REFERENCE_NAMES) {
    progress(`${room}: ${name}`);
    found.push(REFERENCES[name](requests, costs.memory, share * total(costs.memory)));
  }
  progress('');
  console.log(row(room, found.map((hits) => ratioOf(hits, () => 1))));
  if (sizes !== undefined) console.log(row('  of bytes', found.map((hits) => ratioOf(hits, (object) => sizes[object]!))));
}

async function load(): Promise<Trace> {
  if (values.zipf !== undefined) {
    const number = Number(values.zipf);
    if (!Number.isInteger(number) || number < 1 || number > 10_000_000) fail(`--zipf takes a whole number from 1 to 10000000, not ${values.zipf}.`);
    return zipfTrace(number, number * LENGTH);
  }
  progress(`reading ${file}`);
  try {
    const read = await traceFile(file!);
    if (read.objects === 0) fail(`${file} holds no request.`);
    return read;
  } catch (error) {
    return fail(`${file} cannot be read: ${(error as Error).message}`);
  } finally {
    progress('');
  }
}

function ratioOf(hits: Hits, weight: (object: number) => number): number {
  let all = 0;
  let hit = 0;
  for (const [at, object] of requests.entries()) {
    all += weight(object);
    if (hits[at] === 1) hit += weight(object);
  }
  return all === 0 ? 0 : hit / all;
}

function row(label: string, ratios: readonly number[]): string {
  return label.padEnd(20) + ratios.map((ratio) => (ratio * 100).toFixed(2).padStart(9)).join('');
}

function total(numbers: Float64Array): number {
  return numbers.reduce((before, number) => before + number, 0);
}

/** One line on a terminal that the next one replaces; nothing elsewhere. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
