/** All pictures of the demo, as a browser loads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GALLERY } from '../src/demo/gallery.ts';
import { startDemo } from './demo-process.ts';

test('the first load misses 272 times, the second hits 272 times, and the statistics agree', async (t) => {
  const demo = await startDemo(t, ['--port', '0']);
  const page = await (await fetch(`${demo.url}/`)).text();
  const paths = [...page.matchAll(/<img src="([^"]+)"/g)].map(([, path]) => path!);
  assert.deepEqual(paths, GALLERY.map((picture) => picture.path));

  const first = await loadAll(demo.url, paths);
  assert.deepEqual(tally(first), { MISS: 272 });
  const second = await loadAll(demo.url, paths);
  assert.deepEqual(tally(second), { HIT: 272 });
  for (const [i, picture] of second.entries()) assert.deepEqual(picture.body, first[i]!.body, paths[i]!);

  const stats = (await (await fetch(`${demo.url}/__admin/stats`)).json()) as { requests: number; hits: number; misses: number };
  assert.deepEqual([stats.requests, stats.hits, stats.misses], [1 + 2 * 272, 272, 1 + 272]);

  await demo.stop();
  const lines = demo.stdout().trim().split('\n').map((line) => JSON.parse(line) as { url: string; result: string });
  const images = lines.filter((line) => line.url.startsWith('/images/'));
  assert.deepEqual([images.filter((line) => line.result === 'MISS').length, images.filter((line) => line.result === 'HIT').length], [272, 272]);
});

interface Loaded {
  readonly result: string | null;
  readonly body: Buffer;
}

/** Six at a time, as browsers do. */
async function loadAll(url: string, paths: readonly string[]): Promise<Loaded[]> {
  const loaded: Loaded[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < paths.length; i = next++) {
      const response = await fetch(url + paths[i]!);
      assert.equal(response.status, 200, paths[i]!);
      loaded[i] = { result: response.headers.get('x-cache'), body: Buffer.from(await response.arrayBuffer()) };
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return loaded;
}

function tally(pictures: readonly Loaded[]): Record<string, number> {
  return Object.fromEntries(Map.groupBy(pictures, ({ result }) => String(result)).entries().map(([result, those]) => [result, those.length]));
}
