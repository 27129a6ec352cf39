import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPTIONS } from '../config/options.ts';
import { helpText, optionsAsMarkdown } from './help.ts';

for (const command of ['serve', 'stats', 'purge', 'explain', 'warm', 'demo'] as const) {
  test(`the help of ${command} fits one screen and names each of its options`, () => {
    const text = helpText(command, '99.99.99');
    const lines = text.trimEnd().split('\n');
    assert.ok(lines.length <= 60, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 80, line);
    // What it says of another command names some of that one's.
    for (const { name } of OPTIONS) {
      const isTaken = OPTIONS.some((option) => option.name === name && option.commands.includes(command));
      assert.equal(new RegExp(`--${name}(?![a-z-])`, 'u').test(text), isTaken || (command === 'serve' && ['prefix', 'tag', 'all', 'sitemap', 'from'].includes(name)), name);
    }
  });
}

test('the Markdown table has a row for each option of the proxy', () => {
  const rows = optionsAsMarkdown().trimEnd().split('\n');
  assert.equal(rows.length, 2 + OPTIONS.filter(({ commands }) => commands.includes('serve')).length);
  for (const row of rows) assert.equal(row.match(/(?<!\\)\|/gu)?.length, 5, row);
  assert.ok(rows.includes('| `--max-memory SIZE` | `maxMemory` | `256MB` | for keys, headers and bodies |'));
  assert.ok(rows.some((row) => row.startsWith('| `--no-cache` | `cache: false` |')));
});
