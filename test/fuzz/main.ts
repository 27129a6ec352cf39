/**
 * @module test/fuzz/main
 * `npm run fuzz`: gives bytes that nobody thought of to every reader of bytes from outside, for as long
 * as is asked, and keeps what it finds.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { parseDuration } from '../../src/config/quantity.ts';
import { Random, SEED } from '../kit/random.ts';
import { descriptions } from './descriptions.ts';
import { frames } from './frames.ts';
import { Mutator } from './mutator.ts';
import { replies } from './replies.ts';
import { requests } from './requests.ts';
import { responses } from './responses.ts';
import { stored } from './stored.ts';
import type { OpenTarget, Target } from './target.ts';
import { texts } from './texts.ts';

const TARGETS: readonly Target[] = [requests, frames, responses, stored, replies, descriptions, texts];
const CORPUS = join(import.meta.dirname, 'corpus');
const FINDINGS = join(import.meta.dirname, 'findings');

/** ms for one input: whatever takes longer hangs. */
const PATIENCE_MS = 30_000;
/** ms for which a target runs before the next has its turn, and is opened anew. */
const TURN_MS = 20_000;
/** Bytes of memory of this process, with all servers in it. */
const MOST_MEMORY = 1.5 * 1024 ** 3;

const HELP = `npm run fuzz -- [--for TIME] [--only TARGET,…] [--keep] [--file FILE]
  --for TIME       how long, as 10m or 1h (1m)
  --only TARGET,…  ${TARGETS.map(({ name }) => name).join(', ')}
  --keep           write inputs that were taken in a new way to test/fuzz/corpus
  --file FILE      run this one input, for the one target of --only
  MILLRACE_TEST_SEED=N repeats a run; it prints its seed.
What it finds is written to test/fuzz/findings, with the command that repeats it.
`;

class Fuzzer {
  readonly #keeps: boolean;
  readonly #random = new Random(SEED);
  readonly #mutators = new Map<Target, Mutator>();
  readonly #ways = new Map<Target, Set<string>>();
  /** An error that nobody caught. */
  #uncaught: unknown;
  runs = 0;
  found = 0;

  constructor(keeps: boolean) {
    this.#keeps = keeps;
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, (error: unknown) => (this.#uncaught ??= error));
  }

  /** Runs the target until then, or until it has found something. */
  async turn(target: Target, until: number): Promise<void> {
    const mutator = this.#mutatorOf(target);
    const ways = this.#ways.get(target)!;
    await using open = await target.open();
    let input: Buffer = Buffer.alloc(0);
    try {
      while (performance.now() < until) {
        input = mutator.next();
        this.runs++;
        const way = await this.#run(open, input);
        if (ways.has(way)) continue;
        ways.add(way);
        mutator.keep(input);
        if (this.#keeps) write(join(CORPUS, target.name), input);
      }
      await open.atRest?.();
      const memory = process.memoryUsage().rss;
      if (memory > MOST_MEMORY) throw new Error(`the process has ${Math.round(memory / 1024 ** 2)} MB of memory`);
    } catch (error) {
      this.found++;
      const file = write(join(FINDINGS, target.name), input);
      print(`\nFOUND by ${target.name}, with MILLRACE_TEST_SEED=${SEED}. To repeat it:\n  npm run fuzz -- --only ${target.name} --file ${file}\n${inspect(error)}`);
    }
  }

  async #run(open: OpenTarget, input: Buffer): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it takes longer than ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    });
    try {
      const way = await Promise.race([open.run(input), late]);
      if (this.#uncaught !== undefined) throw new Error('an error that nobody caught', { cause: this.#uncaught });
      return way;
    } finally {
      this.#uncaught = undefined;
      clearTimeout(timer);
    }
  }

  #mutatorOf(target: Target): Mutator {
    let mutator = this.#mutators.get(target);
    if (mutator === undefined) {
      mutator = new Mutator(this.#random.fork(), target.words, [...target.seeds, ...corpusOf(target)]);
      this.#mutators.set(target, mutator);
      this.#ways.set(target, new Set());
    }
    return mutator;
  }

  summary(): string {
    const sizes = [...this.#mutators].map(([{ name }, { size }]) => `${name} ${size}`);
    return `${this.runs} inputs, ${this.found} findings; inputs that others are made of: ${sizes.join(', ')}`;
  }
}

function corpusOf({ name }: Target): Buffer[] {
  const directory = join(CORPUS, name);
  return existsSync(directory) ? readdirSync(directory).toSorted().map((file) => readFileSync(join(directory, file))) : [];
}

/** @returns its path */
function write(directory: string, input: Buffer): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(file, input);
  return file;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function repeat(target: Target, file: string): Promise<void> {
  await using open = await target.open();
  print(`${target.name} took it as: ${await open.run(readFileSync(file))}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { for: { type: 'string', default: '1m' }, only: { type: 'string' }, keep: { type: 'boolean', default: false }, file: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } } });
  if (values.help) return void process.stdout.write(HELP);
  const names = values.only?.split(',');
  const unknown = names?.find((name) => TARGETS.every((target) => target.name !== name));
  if (unknown !== undefined) throw new Error(`There is no target ${unknown}. Choose of: ${TARGETS.map(({ name }) => name).join(', ')}.`);
  const targets = names === undefined ? TARGETS : TARGETS.filter(({ name }) => names.includes(name));
  if (values.file !== undefined) return repeat(targets[0]!, values.file);
  const seconds = parseDuration(values.for);
  if (seconds === undefined) throw new Error(`--for takes a time as 10m or 1h, not ${values.for}.`);
  print(`MILLRACE_TEST_SEED=${SEED}, for ${values.for}`);
  const end = performance.now() + seconds * 1000;
  const fuzzer = new Fuzzer(values.keep);
  while (performance.now() < end) {
    for (const target of targets) {
      await fuzzer.turn(target, Math.min(end, performance.now() + Math.min(TURN_MS, (seconds * 1000) / targets.length)));
      print(fuzzer.summary());
    }
  }
  if (fuzzer.found > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  // The listeners above would keep it from being seen.
  print(inspect(error));
  process.exitCode = 2;
}
// What a target that hangs has left open must not hold up the end.
process.exit();
