import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Outcome } from '../../src/cache/outcome.ts';
import { resolveConfig } from '../../src/config.ts';
import { startServer } from '../../src/server/main.ts';
import { Home } from '../cli/command.ts';
import { type ClientResponse, open, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type OriginHandler, type SeenRequest, startOrigin } from '../kit/origin.ts';
import { Undoing } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';
import { type Crew, WORKERS, crashingConfig, startCrew, startCrewIn } from './crew.ts';

const page: OriginHandler = (incoming, response) => {
  response.setHeader('Cache-Control', 'max-age=60');
  response.setHeader('Cache-Tag', 'pages');
  response.end(`page ${incoming.url}`);
};

/** A page whose content changes when the test says so. */
function versions(): { readonly handler: OriginHandler; next(): void } {
  let version = 1;
  const handler: OriginHandler = (_incoming, response) => {
    response.setHeader('Cache-Control', 'max-age=60');
    response.setHeader('Cache-Tag', 'pages');
    response.end(`version ${version}`);
  };
  return { handler, next: () => void version++ };
}

/** What clients get on so many connections that one worker answered all of them once in 10^12 runs. */
async function bodiesOf(crew: Crew, path: string): Promise<string[]> {
  const responses = await Promise.all(Array.from({ length: 40 }, () => request(crew.url + path)));
  return [...new Set(responses.map(({ body }) => body.toString()))];
}

/** Where that process keeps what its workers store. */
function scratchOf({ process: { pid }, home }: Crew): string | undefined {
  return ['/dev/shm', home.directory].filter((base) => existsSync(base)).flatMap((base) => readdirSync(base)).find((name) => name.startsWith('millrace-') && name.includes(`-${pid}-`));
}

test('several workers serve one port, are one in the statistics, and write whole lines of log', async (t) => {
  await using origin = await startOrigin(page);
  const crew = await startCrew(t, '--origin', origin.url);
  const asked = (await crew.reachAll('/a', 3)).length;
  assert.notEqual(scratchOf(crew), undefined);
  const stats = await crew.stats();
  assert.equal(stats.requests, asked);
  assert.equal(stats.workers!.reduce((sum, { requests }) => sum + requests, 0), asked);
  assert.equal(stats.hits + stats.misses, asked);
  assert.equal(stats.crashes, 0);
  assert.equal((JSON.parse((await crew.home.run('stats', '--json')).stdout) as { requests: number }).requests, asked);
  crew.process.kill('SIGTERM');
  const done = await crew.finished;
  assert.equal(done.code, 0);
  assert.equal(scratchOf(crew), undefined);
  const lines = done.stdout.trimEnd().split('\n').map((line) => (JSON.parse(line) as { url: string }).url);
  assert.deepEqual(lines, Array.from({ length: asked }, () => '/a'));
});

/** One origin and one crew for tests that need none of their own; each test has a path of its own. */
interface Shared {
  readonly crew: Crew;
  readonly origin: {
    /** That path is answered by that from now on. */
    answer(path: string, handler: OriginHandler): void;
    requestsOf(path: string): readonly SeenRequest[];
    /** Settles when the path has been asked for. */
    arrivedAt(path: string): Promise<unknown>;
  };
}

describe('two workers', () => {
  const undoing = new Undoing();
  let both: Shared | undefined;
  const shared = (): Shared => both!;
  before(async () => {
    const handlers = new Map<string, OriginHandler>();
    const origin = await startOrigin((incoming, response, context) => handlers.get(incoming.url!)!(incoming, response, context));
    undoing.after(() => origin.close());
    const crew = await startCrew(undoing, '--origin', origin.url, '--log-format', 'off', '--allow-purge', '127.0.0.1');
    const requestsOf = (path: string): SeenRequest[] => origin.requests.filter(({ url }) => url === path);
    both = { crew, origin: { answer: (path, handler) => void handlers.set(path, handler), requestsOf, arrivedAt: (path) => until(`${path} is asked for`, () => requestsOf(path).length) } };
  });
  after(() => undoing.undo());

  describe('what one worker stores', () => {
    test('is a hit for all', async () => {
      const { crew, origin } = shared();
      origin.answer('/stored', page);
      const { objects } = (await crew.stats()).store;
      const results = await crew.reachAll('/stored', 2);
      assert.deepEqual(results, ['MISS', ...Array.from({ length: results.length - 1 }, () => 'HIT')]);
      assert.equal(origin.requestsOf('/stored').length, 1);
      const { store } = await crew.stats();
      assert.deepEqual([store.name, store.objects, store.tiers?.map(({ name }) => name)], ['tiered', objects + 1, ['memory', 'disk']]);
    });

    test('is replaced for all at once, also where it was answered from memory', async () => {
      const { crew, origin } = shared();
      const site = versions();
      origin.answer('/replaced', site.handler);
      await crew.reachAll('/replaced', 5);
      site.next();
      assert.equal((await request(`${crew.url}/replaced`, { headers: { 'Cache-Control': 'no-cache' } })).body.toString(), 'version 2');
      // The client has its answer a moment before the store has.
      await until('it has version 2', async () => (await request(`${crew.url}/replaced`)).body.toString(), (body) => body === 'version 2');
      for (let i = 0; i < 20; i++) assert.equal((await request(`${crew.url}/replaced`)).body.toString(), 'version 2');
    });

    test('is asked for once by all that miss it at one moment', async (t) => {
      const held = gate();
      t.after(held.open);
      const { crew, origin } = shared();
      origin.answer('/missed', async (incoming, response, context) => {
        await held.wait;
        await page(incoming, response, context);
      });
      const earlier = await crew.stats();
      const waiting = Array.from({ length: 50 }, () => request(`${crew.url}/missed`));
      await origin.arrivedAt('/missed');
      held.open();
      for (const { body } of await Promise.all(waiting)) assert.equal(body.toString(), 'page /missed');
      assert.equal(origin.requestsOf('/missed').length, 1);
      const { collapsed, workers } = await crew.stats();
      assert.ok(workers!.every(({ requests }, i) => requests > earlier.workers![i]!.requests + 1));
      assert.ok(collapsed > earlier.collapsed);
    });

    test('is asked for by each where it is not stored after all', async (t) => {
      const held = gate();
      t.after(held.open);
      const { crew, origin } = shared();
      origin.answer('/unstored', async (_incoming, response) => {
        await held.wait;
        response.setHeader('Cache-Control', 'no-store');
        response.end('for you');
      });
      const waiting = Array.from({ length: 20 }, () => request(`${crew.url}/unstored`));
      await origin.arrivedAt('/unstored');
      held.open();
      for (const { body } of await Promise.all(waiting)) assert.equal(body.toString(), 'for you');
      assert.equal(origin.requestsOf('/unstored').length, 20);
    });
  });

  describe('a purge is in force on all workers when it returns', () => {
    const purges: [name: string, what: (crew: Crew, path: string) => object][] = [
      ['all', () => ({ all: true })],
      ['url', (_crew, path) => ({ url: path })],
      ['prefix', (_crew, path) => ({ prefix: path.slice(0, -1) })],
      ['host', ({ url }) => ({ host: new URL(url).host })],
      ['tag', () => ({ tag: 'pages' })],
    ];
    const ways: [name: string, purge: (crew: Crew, path: string) => Promise<unknown>][] = [
      ['clear-cache', (crew) => crew.post('/__admin/clear-cache')],
      ['PURGE', ({ url }, path) => request(url + path, { method: 'PURGE' })],
      ['PURGE by tag', ({ url }) => request(`${url}/`, { method: 'PURGE', headers: { 'Surrogate-Key': 'pages' } })],
      ...purges.map(([name, what]): [string, (crew: Crew, path: string) => Promise<unknown>] => [name, (crew, path) => crew.post('/__admin/purge', what(crew, path))]),
    ];
    for (const [name, purge] of ways) {
      test(name, async () => {
        const path = `/purged-by-${name.replaceAll(' ', '-')}`;
        const { crew, origin } = shared();
        const site = versions();
        origin.answer(path, site.handler);
        await crew.reachAll(path, 3);
        const asked = origin.requestsOf(path).length;
        const { fastLane } = await crew.stats();
        // All are hits now, whichever worker is asked, and each has an answer prepared.
        assert.ok((await crew.reachAll(path, 3)).every((result) => result === 'HIT'));
        assert.equal(origin.requestsOf(path).length, asked);
        assert.ok((await crew.stats()).fastLane > fastLane);
        site.next();
        await purge(crew, path);
        const explained = await Promise.all(Array.from({ length: 20 }, () => request(`${crew.url}/__admin/explain?url=${path}`)));
        for (const { body: text } of explained) assert.deepEqual((JSON.parse(text.toString()) as { stored: unknown[] }).stored, []);
        assert.deepEqual(await bodiesOf(crew, path), ['version 2']);
      });
    }

    for (const [name, what] of purges) {
      test(`${name}, softly`, async (t) => {
        const path = `/purged-softly-by-${name}`;
        const held = gate();
        t.after(held.open);
        const { crew, origin } = shared();
        let asked = 0;
        origin.answer(path, async (incoming, response, context) => {
          if (asked++ > 0) await held.wait;
          await page(incoming, response, context);
        });
        await crew.reachAll(path, 2);
        assert.ok((await crew.reachAll(path)).every((result) => result === 'HIT'));
        await crew.post('/__admin/purge', { ...what(crew, path), soft: true });
        // Until the origin has answered, all workers serve it stale; and one of them asks.
        assert.ok((await crew.reachAll(path, 3)).every((result) => result === 'STALE'));
        assert.equal(asked, 2);
        held.open();
        await until('it is a hit', async () => (await request(crew.url + path)).headers.get('x-cache'), (result) => result === 'HIT');
        assert.ok((await crew.reachAll(path, 3)).every((result) => result === 'HIT'));
        // A worker that looked just before the other one stored it may ask once more.
        assert.ok(asked <= 1 + WORKERS);
      });
    }

    test('and so is what an unsafe request invalidates', async () => {
      const { crew, origin } = shared();
      const site = versions();
      origin.answer('/unsafe', site.handler);
      await crew.reachAll('/unsafe', 4);
      site.next();
      assert.equal((await request(`${crew.url}/unsafe`, { method: 'PUT', body: 'x' })).status, 200);
      const explained = await Promise.all(Array.from({ length: 20 }, () => request(`${crew.url}/__admin/explain?url=/unsafe`)));
      for (const { body } of explained) assert.deepEqual((JSON.parse(body.toString()) as { stored: unknown[] }).stored, []);
      assert.deepEqual(await bodiesOf(crew, '/unsafe'), ['version 2']);
    });

    test('what is on its way meanwhile is not used', async (t) => {
      const held = gate();
      t.after(held.open);
      let version = 'old';
      const { crew, origin } = shared();
      origin.answer('/slow', async (_incoming, response) => {
        const body = version;
        await held.wait;
        response.setHeader('Cache-Control', 'max-age=60');
        response.end(body);
      });
      const waiting = Array.from({ length: 20 }, () => request(`${crew.url}/slow`));
      await origin.arrivedAt('/slow');
      version = 'new';
      await crew.post('/__admin/purge', { url: '/slow' });
      held.open();
      assert.ok((await Promise.all(waiting)).every(({ complete }) => complete));
      for (const { body } of await Promise.all(Array.from({ length: 20 }, () => request(`${crew.url}/slow`)))) assert.equal(body.toString(), 'new');
    });
  });
});

test('after a soft purge all workers together validate no more at once than they may', async (t) => {
  const PAGES = 50;
  const held = gate();
  t.after(held.open);
  await using origin = await startOrigin(async (incoming, response, context) => {
    if (context.index >= PAGES) await held.wait;
    await page(incoming, response, context);
  });
  const crew = await startCrew(t, '--origin', origin.url, '--log-format', 'off', '--max-origin-concurrency', '3');
  const all = (): Promise<(string | undefined)[]> => Promise.all(Array.from({ length: PAGES }, async (_, i) => (await request(`${crew.url}/${i}`)).headers.get('x-cache')));
  await all();
  await crew.post('/__admin/purge', { all: true, soft: true });
  for (let round = 0; round < 3; round++) assert.ok((await all()).every((result) => result === 'STALE'));
  await crew.reachAll('/0', 2);
  assert.equal(origin.requests.length, PAGES + 3);
  held.open();
  await until('all are hits', all, (results) => results.every((result) => result === 'HIT'));
  assert.ok(origin.requests.length <= (1 + WORKERS) * PAGES);
});

describe('a worker that crashes', () => {
  test('is replaced, and the others do not notice', async (t) => {
    const held = gate();
    t.after(held.open);
    await using origin = await startOrigin(async (incoming, response, context) => {
      if (incoming.url === '/slow') {
        response.write('first ');
        await held.wait;
        response.end('last');
      } else await page(incoming, response, context);
    });
    const home = new Home(t);
    const crew = await startCrewIn(home, '--origin', origin.url, '--config', crashingConfig(home.directory));
    await crew.reachAll('/a', 2);
    const earlier = await crew.stats();
    // Some of each worker; those of the one that stays are to come to their end.
    const begun = await Promise.all(Array.from({ length: 20 }, () => open(`${crew.url}/slow`)));
    crew.process.kill('SIGUSR2');
    await crew.wrote('stderr', /warning: worker 1 crashed, and the requests it had under way are lost\. Another takes its place\. It ended with: Error: made to crash/u);
    held.open();
    const finished: ClientResponse[] = await Promise.all(begun.map((response) => response.finish()));
    assert.ok(finished.some(({ complete, body }) => complete && body.toString() === 'first last'));
    assert.ok(finished.some(({ complete }) => !complete));
    await crew.reachAll('/a', 2);
    const later = await crew.stats();
    assert.equal(later.crashes, 1);
    assert.ok(later.requests >= earlier.requests);
    crew.process.kill('SIGINT');
    assert.equal((await crew.finished).code, 0);
  });

  test('for want of memory takes nobody with it', async (t) => {
    await using origin = await startOrigin(page);
    const home = new Home(t, { NODE_OPTIONS: '--max-old-space-size=64' });
    const crew = await startCrewIn(home, '--origin', origin.url, '--config', crashingConfig(home.directory), '--log-format', 'off');
    crew.process.kill('SIGWINCH');
    await crew.wrote('stderr', /warning: worker 1 crashed, .*memory/u);
    await crew.reachAll('/a');
    assert.equal((await crew.stats()).crashes, 1);
  });

  test('again and again is replaced ever more slowly', async (t) => {
    await using origin = await startOrigin(page);
    const home = new Home(t);
    const crew = await startCrewIn(home, '--origin', origin.url, '--config', crashingConfig(home.directory), '--log-format', 'off');
    for (const words of [/Another takes its place\. It/u, /Another takes its place in 0\.1 s, as 2 crashed/u, /Another takes its place in 0\.2 s, as 3 crashed/u]) {
      await crew.reachAll('/a');
      crew.process.kill('SIGUSR2');
      await crew.wrote('stderr', words);
    }
    await crew.reachAll('/a');
  });
});

describe('the end', () => {
  test('lets what any worker has under way finish', async (t) => {
    const held = gate();
    t.after(held.open);
    await using origin = await startOrigin(async (_incoming, response) => {
      response.write('first ');
      await held.wait;
      response.end('last');
    });
    const crew = await startCrew(t, '--origin', origin.url, '--log-format', 'off');
    const begun = await Promise.all(Array.from({ length: 20 }, (_, i) => open(`${crew.url}/${i}`)));
    crew.process.kill('SIGTERM');
    await crew.wrote('stderr', /Stopping/u);
    held.open();
    for (const { complete, body } of await Promise.all(begun.map((response) => response.finish()))) assert.deepEqual([complete, body.toString()], [true, 'first last']);
    assert.equal((await crew.finished).code, 0);
  });

  test('a second Ctrl-C ends at once', async (t) => {
    const held = gate();
    t.after(held.open);
    await using origin = await startOrigin(async (_incoming, response) => {
      response.write('first ');
      await held.wait;
      response.end();
    });
    const crew = await startCrew(t, '--origin', origin.url, '--log-format', 'off');
    const response = await open(`${crew.url}/`);
    const pressing = setInterval(() => crew.process.kill('SIGINT'), 50);
    const done = await crew.finished;
    clearInterval(pressing);
    assert.equal(done.code, 130);
    assert.equal(scratchOf(crew), undefined);
    response.abort();
  });
});

describe('the start', () => {
  test('on a port that is taken is refused in one sentence', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    t.after(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const done = await new Home(t).run('--port', String(port), '--workers', '2');
    assert.equal(done.code, 1);
    assert.match(done.stderr, new RegExp(`^millrace: Port ${port} on 127\\.0\\.0\\.1 is taken by another program\\..*--port.*\\n$`, 'u'));
  });

  test('beside another proxy of the same user, whose workers share their port, is refused too', async (t) => {
    await using origin = await startOrigin(page);
    const crew = await startCrew(t, '--origin', origin.url);
    const done = await crew.home.run('--port', String(crew.port), '--workers', '2');
    assert.match(done.stderr, /is taken by another program/u);
  });

  test('where threads cannot share a port says so, and runs one worker', async () => {
    await using origin = await startOrigin(page);
    const notices: string[] = [];
    const outcomes: Outcome[] = [];
    const hooks = { onNotice: (text: string) => void notices.push(text), onOutcome: (outcome: Outcome) => void outcomes.push(outcome) };
    const server = await startServer(resolveConfig({ origin: origin.url, port: 0, workers: 2 }), hooks, async () => false);
    assert.equal((await request(`${server.url}/a`)).status, 200);
    await server.close();
    assert.match(notices.join(), /cannot spread .* over 2 workers, so one does the work/u);
    assert.equal(outcomes.length, 1);
  });

  test('as a library gives outcomes of all workers, errors with their codes', async () => {
    const outcomes: Outcome[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = await startServer(resolveConfig({ origin: 'http://127.0.0.1:9', port: 0, workers: 2 }), {
      onOutcome: (outcome) => {
        if (outcomes.push(outcome) === 10) resolve();
      },
    });
    await Promise.all(Array.from({ length: 10 }, () => request(`${server.url}/a`)));
    await promise;
    await server.close();
    for (const { error, status } of outcomes) assert.deepEqual([error?.code, status], ['ERR_CONNECTION_REFUSED', 502]);
  });
});
