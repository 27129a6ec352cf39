/**
 * @module bench/publish
 * Takes results into the repository and the README: `npm run bench:publish -- FILE…`, files that
 * `npm run bench` has written. What was published before is replaced.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { comparison } from './comparison.ts';
import { PUBLISHED, README_BLOCK, published } from './published.ts';
import type { Bench } from './result.ts';

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('Name the results to publish: npm run bench:publish -- bench/results/FILE.json …');
  process.exit(2);
}
const runs = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Bench);
for (const { machine, command } of runs) if (machine.changed) console.error(`Its sources differed from commit ${machine.commit}: ${command}`);
mkdirSync(dirname(PUBLISHED), { recursive: true });
writeFileSync(PUBLISHED, `${JSON.stringify(runs)}\n`);
const readme = join(import.meta.dirname, '../README.md');
writeFileSync(readme, readFileSync(readme, 'utf8').replace(README_BLOCK, () => `\n${comparison(published())}\n\n`));
