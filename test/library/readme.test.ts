/** The library's examples in README.md are what is run here, word for word but for addresses. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { start } from '../../scripts/announced.ts';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { freePort } from '../kit/port.ts';
import { until } from '../kit/until.ts';
import { closing } from '../server/closing.ts';

const ROOT = join(import.meta.dirname, '../..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const section = readme.slice(readme.indexOf('### Library:'), readme.indexOf('\n## Options'));
const programs = [...section.matchAll(/^```js\n([^]*?)^```$/gm)].map((match) => match[1]!);

describe('the examples of the library in README.md', () => {
  test('there are two programs', () => assert.equal(programs.length, 2));

  for (const [i, program] of programs.entries()) {
    test(`program ${i + 1} answers from its cache`, async (t) => {
      const origin = closing(await startOrigin((_message, response) => void response.setHeader('Cache-Control', 'max-age=60').end('hello')));
      const port = await freePort();
      const changed = program.replaceAll("'millrace'", "'../../src/index.ts'").replaceAll('http://localhost:3000', origin.url).replaceAll('4000', String(port));
      assert.notEqual(changed.indexOf(origin.url), -1);
      const file = join(import.meta.dirname, `.readme-${process.pid}-${i}.mjs`);
      writeFileSync(file, `${changed}\nif (typeof server.listening === 'boolean' && !server.listening) await new Promise((listens) => server.once('listening', listens));\nconsole.log('Listening on http://localhost:${port}');\n`);
      t.after(() => rmSync(file));
      const example = await start(process.execPath, [file], /^Listening on (\S+)$/m);
      closing({ close: () => example.stop() });
      for (const result of ['MISS', 'HIT']) assert.equal((await request(`${example.url}/LICENSE`)).headers.get('x-cache'), result);
      if (program.includes('onOutcome')) await until('both requests are told', () => example.output(), (output) => /GET \/LICENSE MISS not-stored\nGET \/LICENSE HIT fresh/.test(output));
    });
  }

  test('what the table has one write is in the programs that check:package runs', () => {
    const rows = [...section.matchAll(/^\| (?!In |---)[^|]+\| (.*) \|$/gm)].map((match) => match[1]!);
    assert.equal(rows.length, 5);
    const checked = readFileSync(join(ROOT, 'scripts/check-package.ts'), 'utf8');
    for (const row of rows) for (const match of row.matchAll(/`([^`]+)`/g)) assert.ok(checked.includes(match[1]!), row);
  });
});
