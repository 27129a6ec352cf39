/** README.md and ARCHITECTURE.md say what is there. With UPDATE_DOCS=1 the table of options is written anew. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { comparison } from '../bench/comparison.ts';
import { README_BLOCK, published } from '../bench/published.ts';
import { optionsAsMarkdown } from '../src/cli/help.ts';
import { EXPECTED } from './conformance/expected.ts';

const ROOT: string = join(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

const OPTIONS_BLOCK = /(?<=<!-- options: .* -->\n)[^]*?(?=<!-- end of options -->)/;

/** Paths of this repository in links and code spans. */
function pathsIn(text: string): string[] {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)];
  const spans = [...text.matchAll(/`((?:src|test|scripts|\.ci)\/[\w./-]*)`/g)];
  return [...links, ...spans].map((match) => match[1]!);
}

describe('README.md', () => {
  test('has the table of options as the command line knows them', () => {
    const readme = read('README.md');
    assert.match(readme, OPTIONS_BLOCK);
    const table = `\n${optionsAsMarkdown()}\n`;
    if (process.env['UPDATE_DOCS'] === '1') return writeFileSync(join(ROOT, 'README.md'), readme.replace(OPTIONS_BLOCK, () => table));
    assert.equal(OPTIONS_BLOCK.exec(readme)![0], table, 'UPDATE_DOCS=1 npx node --test test/docs.test.ts writes it anew');
  });

  test('claims no figures but those that are published', () => {
    const written = README_BLOCK.exec(read('README.md'));
    assert.ok(written);
    assert.equal(written[0], `\n${comparison(published())}\n\n`, 'npm run bench:publish -- bench/results/FILE.json writes it anew');
  });

  test('names only scripts that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read('README.md').matchAll(/npm run (?:-\S+ )*([\w:]+)/g)].map((match) => match[1]!);
    assert.ok(named.length > 5);
    // The public suite's own.
    assert.deepEqual(named.filter((name) => scripts[name] === undefined && name !== 'export'), []);
  });

  test('has the totals of the public suite that a run of it is held to', () => {
    for (const [mode, label] of [['rfc9111', 'Millrace, `--preset rfc9111`'], ['safe', 'Millrace, `--default-ttl 0`']] as const) {
      const row = new RegExp(`^\\| ${label.replaceAll('-', '\\-')} \\| (\\d+) \\| (\\d+) \\|$`, 'm').exec(read('README.md'));
      assert.ok(row, label);
      const notPassed = new Set(EXPECTED[mode].differences.flatMap(({ cases }) => cases)).size;
      assert.equal(Number(row[1]) + Number(row[2]), 160 + 105 - notPassed, label);
    }
  });
});

describe('ARCHITECTURE.md', () => {
  test('has every folder and file at the top of src/ in its table', () => {
    const rows = read('ARCHITECTURE.md').split('\n').filter((line) => line.startsWith('| `')).join('\n');
    const parts = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter(({ name }) => !name.endsWith('.test.ts'));
    for (const part of parts) assert.ok(rows.includes(`\`src/${part.name}${part.isDirectory() ? '/' : ''}\``), part.name);
  });

  test('has every dependency', () => {
    const manifest = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
    const rows = read('ARCHITECTURE.md').split('\n').filter((line) => line.startsWith('| ')).map((line) => line.split('|')[1]!);
    const named = rows.flatMap((cell) => cell.split(',').map((name) => name.trim()));
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) assert.ok(named.includes(name), name);
  });
});

test('both point only to files that are there', () => {
  for (const name of ['README.md', 'ARCHITECTURE.md']) {
    const paths = pathsIn(read(name));
    assert.ok(paths.length > 3, name);
    assert.deepEqual(paths.filter((path) => !existsSync(join(ROOT, path))), [], name);
  }
});
