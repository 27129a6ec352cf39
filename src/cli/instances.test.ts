import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { until } from '../../test/kit/until.ts';
import { announce, runningInstances } from './instances.ts';
import type { Instance } from './instances.ts';

const home = mkdtempSync(join(tmpdir(), 'millrace-test-'));
after(() => rmSync(home, { recursive: true }));

let runtime: string;
let shared: string;
let count = 0;
beforeEach(() => {
  count += 1;
  runtime = join(home, `${count}-runtime`);
  shared = join(home, `${count}-shared`);
  mkdirSync(runtime);
  mkdirSync(shared);
  process.env['XDG_RUNTIME_DIR'] = runtime;
  process.env['TMPDIR'] = shared;
});

const healthy: RequestListener = (_request, response) => response.end('{"status":"ok"}');

async function instance(t: TestContext, listener: RequestListener = healthy, more: Partial<Instance> = {}): Promise<Instance> {
  const server = createServer(listener);
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return { pid: process.pid, port, host: '127.0.0.1', url, adminUrl: url, adminSecret: 'none', origin: undefined, started: '2030-01-01T00:00:00.000Z', version: '1.2.3', ...more };
}

/** A process id that nobody has: the highest possible is far above what systems hand out. */
const NOBODY = 2 ** 31 - 2;

describe('an announced instance', () => {
  test('is found, in a file that only its user can read, and forgotten at its end', async (t) => {
    const own = await instance(t, healthy, { origin: 'http://localhost:3000', adminSecret: 'secret' });
    const forget = announce(own);
    const directory = join(runtime, 'millrace');
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, `${process.pid}.json`)).mode & 0o777, 0o600);
    assert.deepEqual(await runningInstances(), [own]);
    forget();
    forget();
    assert.deepEqual(await runningInstances(), []);
    assert.deepEqual(readdirSync(directory), []);
  });

  test('that was killed, and whose parent has not taken notice, does not stand beside its successor on the same port', async (t) => {
    const successor = await instance(t);
    announce({ ...successor, pid: process.ppid, started: '2029-01-01T00:00:00.000Z' });
    announce(successor);
    assert.deepEqual((await runningInstances()).map(({ pid }) => pid), [process.pid]);
  });

  test('that is a zombie is not found', { skip: process.platform !== 'linux' && 'it is known from /proc' }, async (t) => {
    // A shell that goes on as another program does not wait for what it has started before.
    const parent = spawn('sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    t.after(() => parent.kill('SIGKILL'));
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(text.toString());
    await until('it is a zombie', () => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '));
    announce(await instance(t, healthy, { pid }));
    assert.deepEqual(await runningInstances(), []);
  });

  test('without administration is found while its port is open', async (t) => {
    announce(await instance(t, healthy, { adminUrl: undefined }));
    assert.equal((await runningInstances()).length, 1);
  });

  test('is found by a process that has no XDG_RUNTIME_DIR, and the other way round', async (t) => {
    delete process.env['XDG_RUNTIME_DIR'];
    announce(await instance(t));
    assert.equal(readdirSync(shared).length, 1);
    process.env['XDG_RUNTIME_DIR'] = runtime;
    assert.equal((await runningInstances()).length, 1);
  });

  test('goes to the shared place where the runtime directory is missing', async (t) => {
    process.env['XDG_RUNTIME_DIR'] = join(runtime, 'missing');
    announce(await instance(t));
    assert.equal((await runningInstances()).length, 1);
  });
});

describe('what is left of an instance is cleaned up', () => {
  const cases: [string, (t: TestContext) => Promise<Instance>][] = [
    ['its process is gone', (t) => instance(t, healthy, { pid: NOBODY })],
    ['its port is closed', (t) => instance(t, healthy, { adminUrl: 'http://127.0.0.1:1' })],
    ['without administration, its port is closed', (t) => instance(t, healthy, { url: 'http://127.0.0.1:1', adminUrl: undefined })],
    ['another program has its port', (t) => instance(t, (_request, response) => response.end('<h1>hello</h1>'))],
    ['another program answers with JSON', (t) => instance(t, (_request, response) => response.end('null'))],
    ['another program answers with an error', (t) => instance(t, (_request, response) => response.writeHead(404).end('{"status":"ok"}'))],
  ];
  for (const [name, make] of cases) {
    test(name, async (t) => {
      announce(await make(t));
      assert.deepEqual(await runningInstances(), []);
      assert.deepEqual(readdirSync(join(runtime, 'millrace')), []);
    });
  }

  for (const text of ['', '{', 'null', '[]', '{"pid":"1"}']) {
    test(`a file that says ${JSON.stringify(text)}`, async () => {
      mkdirSync(join(runtime, 'millrace'), { mode: 0o700 });
      writeFileSync(join(runtime, 'millrace', '1.json'), text);
      assert.deepEqual(await runningInstances(), []);
    });
  }
});

describe('a directory that others can write to is not used', () => {
  test('open to others', async (t) => {
    mkdirSync(join(runtime, 'millrace'));
    chmodSync(join(runtime, 'millrace'), 0o777);
    const own = await instance(t);
    writeFileSync(join(runtime, 'millrace', '1.json'), JSON.stringify(own));
    assert.deepEqual(await runningInstances(), []);
    announce(own);
    assert.equal(readdirSync(shared).length, 1, 'the other place is taken');
  });

  test('a link to elsewhere, and no other place', async (t) => {
    delete process.env['XDG_RUNTIME_DIR'];
    symlinkSync(runtime, join(shared, `millrace-${process.getuid!()}`));
    const own = await instance(t);
    assert.throws(() => announce(own), /is not a directory/u);
    assert.deepEqual(await runningInstances(), []);
  });
});
