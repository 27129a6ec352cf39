import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../config.ts';
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { runDemo } from './main.ts';

const taken = new MillraceError('ERR_LISTEN', 'Port 8080 is taken.', { cause: Object.assign(new Error('in use'), { code: 'EADDRINUSE' }) });
const forbidden = new MillraceError('ERR_LISTEN', 'Port 8080 may not be used.', { cause: Object.assign(new Error('no rights'), { code: 'EACCES' }) });

describe('starting the demo', () => {
  test('where 8080 is taken a free port is tried, and the person is told', async () => {
    const { ports, said } = await refused(undefined, taken);
    assert.deepEqual(ports, [8080, 0]);
    assert.match(said.join('\n'), /8080 is taken/);
  });

  test('a port that was asked for is the only one tried', async () => {
    assert.deepEqual(await refused(9000, taken), { ports: [9000], said: [] });
  });

  test('another failure is not tried again', async () => {
    assert.deepEqual(await refused(undefined, forbidden), { ports: [8080], said: [] });
  });
});

/** Runs the demo where every attempt to serve fails; the failure must come through, and the origin be gone. */
async function refused(port: number | undefined, error: MillraceError): Promise<{ ports: number[]; said: string[] }> {
  const tried: Config[] = [];
  const said: string[] = [];
  const serve = async (config: Config): Promise<never> => {
    assert.equal((await fetch(`${config.origin}/private`)).status, 200);
    tried.push(config);
    throw error;
  };
  await assert.rejects(runDemo(resolveConfig(), { port, serve, say: (line) => said.push(line) }), error);
  await assert.rejects(fetch(`${tried[0]!.origin}/private`));
  return { ports: tried.map((config) => config.port), said };
}
