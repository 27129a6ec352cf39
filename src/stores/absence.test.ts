import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Absence } from './absence.ts';

test('a cause that waiting does not mend is told, also after one that may pass; each once', () => {
  const notices: string[] = [];
  const absence = new Absence('Redis', (text) => notices.push(text));
  for (let i = 0; i < 2; i++) {
    absence.away('it does not answer');
    absence.away('it does not answer');
    absence.away('WRONGPASS', true);
    absence.away('WRONGPASS', true);
    absence.away('it does not answer');
    absence.back();
    absence.back();
  }
  const causes = notices.map((text) => /(?<=^Redis is away \()[^)]*|answers again/u.exec(text)?.[0]);
  assert.deepEqual(causes, ['it does not answer', 'WRONGPASS', 'answers again', 'it does not answer', 'WRONGPASS', 'answers again']);
});
