import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { apply, mutantsOf } from './mutants.ts';
import { tokensOf } from './tokens.ts';

const variants = (source: string): string[] => mutantsOf(source).map((mutant) => apply(source, mutant));

describe('tokensOf', () => {
  test('keeps places, leaves types and comments out', () => {
    const source = 'const a: Map<string, number> = b! as any; // c < d';
    assert.deepEqual(tokensOf(source).map(({ text, start }) => [text, start]), [['const', 0], ['a', 6], ['=', 29], ['b', 31], [';', 40]]);
  });
  test('reads templates within templates', () => {
    assert.deepEqual(tokensOf('`a${x ? `b${{ y: 1 }.y}` : ""}c`').map(({ text }) => text), ['`', 'a${', 'x', '?', '`', 'b${', '{', 'y', ':', '1', '}', '.', 'y', '}', '`', ':', '""', '}', 'c`']);
  });
  test('tells a regular expression from a division', () => {
    assert.deepEqual(tokensOf('/[/]/g.test(a) / b').filter(({ kind }) => kind === 'regexp').map(({ text }) => text), ['/[/]/g']);
  });
});

describe('mutantsOf', () => {
  const cases: [source: string, variants: string[]][] = [
    ['a < b;', ['a <= b;', 'a >= b;']],
    ['x = a === "b";', [';', 'x = a !== "b";', "x = a === '';"]],
    ['x = -1;', [';', 'x = -2;', 'x = -0;']],
    ['x = !y && true;', [';', 'x = y && true;', 'x = !y || true;', 'x = !y && false;']],
    ['if (f(x)) return 1;', ['if (true) return 1;', 'if (false) return 1;', 'if (f(x)) return 2;', 'if (f(x)) return 0;']],
    ['f(a ?? b, g(c) ? d : e);', [';', 'f(a && b, g(c) ? d : e);', 'f(a ?? b, true ? d : e);', 'f(a ?? b, false ? d : e);']],
    ['x = a.trim();', [';', 'x = a;']],
    ['x = `a${b}`;', [';', 'x = `${b}`;']],
    ["import { a } from 'b';", []],
  ];
  for (const [source, expected] of cases) test(source, () => assert.deepEqual(variants(`function f() { ${source} }`.replace(/^function f\(\) \{ (import.*) \}$/, '$1')).map((text) => text.replace(/^function f\(\) \{ (.*) \}$/, '$1')), expected));

  test('finds places in every file of policy, and each changes something', () => {
    const folder = new URL('../../src/policy/', import.meta.url);
    for (const name of readdirSync(folder)) {
      if (name.endsWith('.test.ts')) continue;
      const source = readFileSync(new URL(name, folder), 'utf8');
      for (const mutant of mutantsOf(source)) assert.notEqual(apply(source, mutant), source);
    }
  });
});
