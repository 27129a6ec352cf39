import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { wrongDirection } from './import-direction.ts';

const layers = [['errors'], ['http'], ['stores', 'origin'], ['cli']];
const judge = (file: string, specifier: string): string | undefined => wrongDirection('/p/src', `/p/src/${file}`, specifier, layers);

describe('import direction', () => {
  const allowed: [file: string, specifier: string][] = [
    ['http/fields.ts', '../errors.ts'],
    ['http/fields.ts', './date.ts'],
    ['http/fields.ts', 'node:fs'],
    ['stores/memory/index.ts', '../../http/fields.ts'],
    ['cli.ts', './cli/stats.ts'],
    ['cli/stats.ts', '../cli.ts'],
    ['cli/version.ts', '../../package.json'],
    ['http/fields.test.ts', '../cli.ts'],
  ];
  for (const [file, specifier] of allowed) {
    test(`${file} may import ${specifier}`, () => assert.equal(judge(file, specifier), undefined));
  }

  const refused: [file: string, specifier: string, why: RegExp][] = [
    ['errors.ts', './http/fields.ts', /^errors must not import from http: it may only use nothing\.$/],
    ['http/fields.ts', '../stores/memory.ts', /^http must not import from stores: it may only use errors\.$/],
    ['stores/memory.ts', '../origin/pool.ts', /it may only use errors, http\.$/],
    ['stores/memory.ts', '../../test/kit/gate.ts', /published alone/],
    ['utils/junk.ts', '../errors.ts', /src\/utils stands in no layer/],
    ['http/fields.ts', '../utils.ts', /src\/utils stands in no layer/],
  ];
  for (const [file, specifier, why] of refused) {
    test(`${file} must not import ${specifier}`, () => assert.match(judge(file, specifier) ?? 'allowed', why));
  }

  test('the linter runs the rule on every form of import, and fails', async () => {
    const root = resolve(import.meta.dirname, '..');
    const folder = await mkdtemp(join(tmpdir(), 'millrace-lint-'));
    try {
      const config = JSON.parse(stripComments(await readFile(join(root, '.oxlintrc.json'), 'utf8'))) as {
        rules: Record<string, unknown>;
      };
      const rule = 'millrace/import-direction';
      const own = { jsPlugins: [join(root, 'scripts/import-direction.ts')], categories: { correctness: 'off' }, rules: { [rule]: config.rules[rule] } };
      await mkdir(join(folder, 'src/http'), { recursive: true });
      await writeFile(join(folder, '.oxlintrc.json'), JSON.stringify(own));
      await writeFile(
        join(folder, 'src/http/wrong.ts'),
        [
          "import '../cli.ts';",
          "import type { A } from '../cache/key.ts';",
          "export { b } from '../stores/memory.ts';",
          "export * from '../origin/pool.ts';",
          "const c = await import('../proxy.ts');",
          "import { fine } from '../errors.ts';",
        ].join('\n'),
      );
      const failure: unknown = await promisify(execFile)(join(root, 'node_modules/.bin/oxlint'), ['-f', 'unix'], { cwd: folder }).catch((error: unknown) => error);
      const output = String((failure as { stdout?: string }).stdout);
      const found = [...output.matchAll(/must not import from (\w+)/g)].map((match) => match[1]);
      assert.deepEqual(new Set(found), new Set(['cache', 'cli', 'origin', 'proxy', 'stores']), output);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** The configuration has comments on lines of their own. */
function stripComments(text: string): string {
  return text.replaceAll(/^\s*\/\/.*$/gm, '');
}
