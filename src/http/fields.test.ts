import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Fields } from './fields.ts';

const sample = (): Fields => new Fields(['A', '1', 'b', '2', 'a', '3', 'B', '4', 'C', '']);

describe('Fields', () => {
  test('reads without regard to case', () => {
    const fields = sample();
    assert.equal(fields.size, 5);
    assert.equal(fields.get('a'), '1, 3');
    assert.equal(fields.first('B'), '2');
    assert.deepEqual(fields.all('b'), ['2', '4']);
    assert.equal(fields.get('c'), '');
    assert.equal(fields.has('C'), true);
    assert.equal(fields.get('d'), undefined);
    assert.equal(fields.first('d'), undefined);
    assert.deepEqual(fields.all('d'), []);
    assert.equal(fields.has('d'), false);
    assert.deepEqual([...fields.names()], ['a', 'b', 'c']);
    assert.deepEqual([...fields], [['A', '1'], ['b', '2'], ['a', '3'], ['B', '4'], ['C', '']]);
  });

  test('tells all names of one letter apart but a letter and its other case', () => {
    const tokens = [..."!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
    for (const name of tokens) {
      const found = tokens.filter((other) => new Fields([`x${other}y`, '1']).has(`X${name}y`));
      assert.deepEqual(found.sort(), [...new Set([name.toLowerCase(), name.toUpperCase()])].sort());
    }
  });

  test('joins empty lines too', () => assert.equal(new Fields(['a', '', 'A', 'x']).get('a'), ', x'));

  test('set takes the place of the first line and drops the others', () => {
    assert.deepEqual(sample().set('B', '9').lines, ['A', '1', 'b', '9', 'a', '3', 'C', '']);
    assert.deepEqual(sample().set('D', '9').lines, ['A', '1', 'b', '2', 'a', '3', 'B', '4', 'C', '', 'D', '9']);
  });

  test('delete drops all lines of the name', () => {
    assert.deepEqual(sample().delete('A').lines, ['b', '2', 'B', '4', 'C', '']);
    assert.deepEqual(sample().delete('x').lines, sample().lines);
  });

  test('of takes one value or several, append adds one', () => {
    assert.deepEqual(Fields.of({ A: ['1', '2'], b: '3', c: [] }).append('a', '4').lines, ['A', '1', 'A', '2', 'b', '3', 'a', '4']);
  });

  test('a clone is independent', () => {
    const fields = sample();
    fields.clone().set('A', '9').append('x', 'y');
    assert.deepEqual(fields.lines, sample().lines);
  });

  test('agrees with a plain list of pairs after any changes', () => {
    const name = fc.constantFrom('a', 'A', 'b', 'B', 'content-type', 'Content-Type');
    const change = fc.tuple(fc.constantFrom('append', 'set', 'delete'), name, fc.string());
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const fields = new Fields();
        let model: [string, string][] = [];
        for (const [kind, changed, value] of changes) {
          const same = ([other]: [string, string]): boolean => other.toLowerCase() === changed.toLowerCase();
          const at = model.findIndex(same);
          if (kind === 'append') fields.append(changed, value);
          else if (kind === 'set') fields.set(changed, value);
          else fields.delete(changed);
          if (kind === 'append' || (kind === 'set' && at === -1)) model.push([changed, value]);
          else if (kind === 'set') model = model.flatMap((pair, i) => (i === at ? [[pair[0], value]] : same(pair) ? [] : [pair]));
          else model = model.filter((pair) => !same(pair));
        }
        assert.deepEqual([...fields], model);
        for (const asked of ['A', 'b', 'CONTENT-TYPE']) {
          assert.deepEqual(fields.all(asked), model.flatMap(([other, value]) => (other.toLowerCase() === asked.toLowerCase() ? [value] : [])));
        }
      }),
    );
  });
});
