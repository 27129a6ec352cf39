/**
 * @module test/cli/signals
 * Signals that must not end the process, or open a debugger.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import { Home } from './command.ts';

describe('a signal', { skip: process.platform === 'win32' && 'there are no such signals' }, () => {
  test('for the debugger or without a meaning changes nothing', async (t) => {
    await using origin = await startOrigin((_incoming, response) => void response.end('here'));
    const home = new Home(t);
    const proxy = await home.start('--port', '0', '--origin', origin.url);
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      proxy.process.kill(signal);
      assert.equal((await request(`${proxy.url}/`)).status, 200, signal);
    }
    proxy.process.kill('SIGTERM');
    const { code, stderr } = await proxy.finished;
    assert.equal(code, 0);
    assert.doesNotMatch(stderr, /Debugger/u);
  });

  test('of a closed terminal ends the process, but not under nohup', async (t) => {
    await using origin = await startOrigin((_incoming, response) => void response.end('here'));
    const home = new Home(t);
    const plain = await home.start('--port', '0', '--origin', origin.url);
    plain.process.kill('SIGHUP');
    assert.equal((await plain.finished).code, 0);
    // What a shell puts into the environment of the command that it starts.
    const kept = await new Home(t, { _: '/usr/bin/nohup' }).start('--port', '0', '--origin', origin.url);
    kept.process.kill('SIGHUP');
    assert.equal((await request(`${kept.url}/`)).status, 200);
    kept.process.kill('SIGTERM');
    const { code, stderr } = await kept.finished;
    assert.equal(code, 0);
    assert.equal(stderr.match(/Stopping/gu)?.length, 1);
  });
});
