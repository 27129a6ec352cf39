/**
 * @module test/cli/purge
 * `millrace purge` as a user gives it, and purges that outlive the process.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { administer } from '../kit/administer.ts';
import { request } from '../kit/client.ts';
import { type OriginHandler, startOrigin } from '../kit/origin.ts';
import { until } from '../kit/until.ts';
import { Home, WORKERS } from './command.ts';

const page: OriginHandler = (incoming, response, { index }) => {
  const tag = incoming.url!.split('/')[1]!;
  response.writeHead(200, { 'Cache-Control': 'max-age=600', 'Cache-Tag': tag, ETag: `"${tag}"` }).end(`page ${incoming.url} ${index}`);
};

async function untilHit(url: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  await until(`${url} is a hit`, async () => (await request(url, { headers })).headers.get('x-cache'), (result) => result === 'HIT');
}

test('purge by every word, hard and soft, says what it hit', async (t) => {
  await using origin = await startOrigin(page);
  const home = new Home(t);
  const proxy = await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off');
  const own = new URL(proxy.url).host;
  const words: [args: string[], hard: string, soft: string][] = [
    [['/news/1'], 'Purged; 1 stored response was removed.\n', 'Marked as stale; it was 1 stored response.\n'],
    [['--url', '/news/1'], 'Purged; 1 stored response was removed.\n', 'Marked as stale; it was 1 stored response.\n'],
    [['--prefix', `${proxy.url}/news`], 'Purged; 2 stored responses were removed.\n', 'Marked as stale; they were 2 stored responses.\n'],
    [['--tag', 'news'], 'Purged; how many stored responses that was is not known.\n', 'Marked as stale; how many stored responses that was is not known.\n'],
    [['--host', own], 'Purged; how many stored responses that was is not known.\n', 'Marked as stale; how many stored responses that was is not known.\n'],
    // Beside another it is the address of the instance.
    [['--all', '--host', '127.0.0.1'], 'Purged; 2 stored responses were removed.\n', 'Marked as stale; they were 2 stored responses.\n'],
  ];
  const state = async (): Promise<string | undefined> => (await request(`${proxy.url}/news/1`)).headers.get('x-cache');
  for (const [args, hard, soft] of words) {
    for (const path of ['/news/1', '/news/2']) await untilHit(proxy.url + path);
    assert.deepEqual(await home.run('purge', ...args, '--soft'), { code: 0, stdout: soft, stderr: '' });
    assert.equal(await state(), 'STALE', args.join(' '));
    await untilHit(`${proxy.url}/news/1`);
    assert.deepEqual(await home.run('purge', ...args), { code: 0, stdout: hard, stderr: '' });
    assert.equal(await state(), 'MISS', args.join(' '));
  }
  assert.deepEqual(JSON.parse((await home.run('purge', '--tag', 'news', '--soft', '--json')).stdout), { purged: null, soft: true });
  assert.match((await home.run('explain', '/news/1')).stdout, /because a soft purge marked the stored response as stale.*\n[^]*, stale: age .* of 10m, purged softly, received/u);
  const wrong = await home.run('purge', '--host', 'no host');
  assert.deepEqual([wrong.code, wrong.stderr], [1, 'millrace: "no host" is no host. Write it as example.com, or as example.com:8000 where it has a port of its own.\n']);
});

test(`a proxy of ${WORKERS} worker(s) that is killed right after purges knows them when it is back`, async (t) => {
  await using origin = await startOrigin(page);
  const home = new Home(t);
  const args = ['--port', '0', '--origin', origin.url, '--cache-dir', join(home.directory, 'cache'), '--log-format', 'off', '--workers', WORKERS];
  const first = await home.start(...args);
  const paths = ['/removed', '/marked', '/kept', '/both'];
  // The port is another one each time.
  const headers = { Host: 'site.example' };
  const state = async (url: string): Promise<string | undefined> => (await request(url, { headers })).headers.get('x-cache');
  for (const path of paths) await untilHit(first.url + path, headers);
  const purges = [{ tag: 'removed' }, { tag: 'marked', soft: true }, { url: '/both', soft: true }, { tag: 'both' }];
  for (const what of purges) assert.equal((await administer(first, '/__admin/purge', { method: 'POST', body: JSON.stringify(what) })).status, 200);
  first.process.kill('SIGKILL');
  await first.finished;
  for (let starts = 0; starts < 2; starts++) {
    const again = await home.start(...args);
    const results = await Promise.all(paths.map(async (path) => {
      const { body } = await administer(again, `/__admin/explain?url=${path}&header=Host:site.example`);
      return (JSON.parse(body.toString()) as { now: { action: string } }).now.action;
    }));
    assert.deepEqual(results, ['miss', 'stale-while-revalidate', 'hit', 'miss']);
    again.process.kill(starts === 0 ? 'SIGTERM' : 'SIGKILL');
    await again.finished;
  }
  const last = await home.start(...args);
  const states = await Promise.all(paths.map((path) => state(last.url + path)));
  assert.deepEqual(states, ['MISS', 'STALE', 'HIT', 'MISS']);
  await untilHit(`${last.url}/marked`, headers);
});
