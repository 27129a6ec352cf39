/**
 * @module mutation/main
 * `npm run mutation -- [--only FILE]`: changes policy in one small way at a time, in a copy, and runs
 * its tests on each. A change that no test notices stands for a rule that no test holds.
 *
 * Ends with 0 where every change was noticed, else with 1; the changes that went unnoticed are listed.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Mutant, apply, mutantsOf } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');
const POLICY = 'src/policy';
/** Words for people and types; what they say is no rule. */
const WITHOUT_RULES: ReadonlySet<string> = new Set(['reason.ts', 'settings.ts']);
const WORKERS = 2;
/** Milliseconds; a change that makes a test run for longer counts as noticed. */
const TIME_LIMIT = 60_000;

interface Job {
  readonly file: string;
  readonly source: string;
  readonly mutant: Mutant;
}

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const files = readdirSync(join(ROOT, POLICY)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !WITHOUT_RULES.has(name));
const chosen = values.only === undefined ? files : files.filter((name) => name === basename(values.only!));
if (chosen.length === 0) {
  process.stderr.write(`--only takes one of ${files.join(', ')}, not ${values.only}.\n`);
  process.exit(2);
}

const jobs = chosen.flatMap((file) => {
  const source = readFileSync(join(ROOT, POLICY, file), 'utf8');
  return mutantsOf(source).map((mutant): Job => ({ file, source, mutant }));
});
const survivors: Job[] = [];
let done = 0;
const started = Date.now();
const queue = jobs.values();
const workers = Array.from({ length: WORKERS }, async () => {
  const copy = await mkdtemp(join(tmpdir(), 'millrace-mutation-'));
  try {
    await work(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});
await Promise.all(workers);
report();

async function work(copy: string): Promise<void> {
  for (const part of ['src', 'test', 'package.json']) await cp(join(ROOT, part), join(copy, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  if (!(await passes(copy, ['*']))) throw new Error('The tests of policy fail without any change. Mend them first.');
  for (const job of queue) {
    const path = join(copy, POLICY, job.file);
    await writeFile(path, apply(job.source, job.mutant));
    if (await survives(copy, job)) survivors.push(job);
    await writeFile(path, job.source);
    progress(++done);
  }
}

/** The tests beside the file come first: they notice most, and are quick. */
async function survives(copy: string, { file }: Job): Promise<boolean> {
  const own = file.replace(/\.ts$/, '');
  if (existsSync(join(copy, POLICY, `${own}.test.ts`)) && !(await passes(copy, [own]))) return false;
  return passes(copy, ['*']);
}

async function passes(copy: string, names: readonly string[]): Promise<boolean> {
  const tests = names.map((name) => `${POLICY}/${name}.test.ts`);
  const child = spawn(process.execPath, ['--test', '--test-isolation=none', '--test-reporter=dot', ...tests], { cwd: copy, stdio: 'ignore', timeout: TIME_LIMIT, killSignal: 'SIGKILL' });
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve));
  return code === 0;
}

function progress(count: number): void {
  const text = `${count} of ${jobs.length} changes, ${survivors.length} unnoticed, ${Math.round((Date.now() - started) / 1000)} s`;
  if (process.stderr.isTTY) process.stderr.write(`\r${text}  `);
  else if (count % 50 === 0 || count === jobs.length) process.stderr.write(`${text}\n`);
}

function report(): void {
  process.stderr.write('\n');
  for (const file of chosen) {
    const unnoticed = survivors.filter((job) => job.file === file).sort((a, b) => a.mutant.start - b.mutant.start);
    const total = jobs.filter((job) => job.file === file).length;
    process.stdout.write(`${file}: ${total - unnoticed.length} of ${total} noticed\n`);
    for (const { source, mutant } of unnoticed) process.stdout.write(`  ${placeOf(source, mutant)}\n`);
  }
  process.stdout.write(`In all ${jobs.length - survivors.length} of ${jobs.length} noticed, ${survivors.length} unnoticed.\n`);
  process.exitCode = survivors.length === 0 ? 0 : 1;
}

/** `12:5  was → is   in: the line` */
function placeOf(source: string, { start, end, replacement }: Mutant): string {
  const before = source.slice(0, start).split('\n');
  const line = source.split('\n')[before.length - 1]!;
  const was = source.slice(start, end).replace(/\s+/g, ' ');
  return `${before.length}:${before.at(-1)!.length + 1}  ${was} → ${replacement === '' ? '(nothing)' : replacement}   in: ${line.trim().slice(0, 160)}`;
}
