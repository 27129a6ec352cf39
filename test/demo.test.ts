/** The demo as a stranger starts it. What its page shows: demo.full.test.ts. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { spawnDemo, startDemo } from './demo-process.ts';

describe('millrace demo', () => {
  test('what it invites to try does what it says', async (t) => {
    const demo = await startDemo(t, ['--port', '0', '--log-format', 'off']);
    const results = async (path: string): Promise<(string | null)[]> => {
      const found = [];
      for (let i = 0; i < 2; i++) found.push((await fetch(demo.url + path)).headers.get('x-cache'));
      return found;
    };
    assert.deepEqual(await results('/slow'), ['MISS', 'HIT']);
    // It is fresh for a few seconds only, and a busy machine may take as long.
    const [first, second] = await results('/news');
    assert.ok(first === 'MISS' && (second === 'HIT' || second === 'STALE'), `${first}, ${second}`);
    assert.ok(!(await results('/private')).includes('HIT'));
    for (const path of ['/slow', '/news', '/private']) assert.ok(demo.stderr().includes(`${demo.url}${path}`), `${path} is named at the start`);
  });

  test('Ctrl-C ends it with exit code 0', async (t) => {
    const demo = await startDemo(t, ['--port', '0']);
    assert.deepEqual(await demo.stop(), { code: 0, signal: null });
    await assert.rejects(fetch(demo.url));
  });

  test('a port that was asked for and is taken is one sentence and exit code 1', async (t) => {
    const other = createServer();
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    t.after(() => other.close());
    const { port } = other.address() as AddressInfo;
    const demo = spawnDemo(t, ['--port', String(port)]);
    assert.deepEqual(await demo.ended, { code: 1, signal: null });
    assert.match(demo.stderr(), new RegExp(`^millrace: Port ${port} .*taken.*\\n$`));
  });
});
