import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MillraceError } from '../errors.ts';
import { GALLERY } from './gallery.ts';
import { startDemoOrigin } from './origin.ts';
import type { DemoOrigin } from './origin.ts';

describe('demo origin', () => {
  let origin: DemoOrigin;
  before(async () => {
    origin = await startDemoOrigin();
  });
  after(() => origin.close());

  test('the page shows every picture and may be kept for a moment', async () => {
    const response = await fetch(`${origin.url}/`);
    const html = await response.text();
    assert.equal(response.headers.get('cache-control'), 'max-age=0, s-maxage=5');
    assert.equal(html.match(/<img /g)?.length, 272);
    for (const picture of GALLERY) assert.ok(html.includes(`src="${picture.path}"`));
  });

  test('a picture has a type, a length, a strong entity tag and a minute in a shared cache', async () => {
    const response = await fetch(origin.url + GALLERY[0]!.path);
    const body = await response.arrayBuffer();
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'image/jpeg');
    assert.equal(response.headers.get('content-length'), String(body.byteLength));
    assert.equal(response.headers.get('cache-control'), 'max-age=0, s-maxage=60');
    assert.match(response.headers.get('etag')!, /^"[^"]+"$/);
  });

  test('a picture that the client has is not sent again', async () => {
    const url = origin.url + GALLERY[1]!.path;
    const etag = (await fetch(url)).headers.get('etag')!;
    for (const condition of [etag, `"other", W/${etag}`, '*']) {
      const response = await fetch(url, { headers: { 'if-none-match': condition } });
      assert.equal(response.status, 304, condition);
      assert.equal(response.headers.get('etag'), etag);
    }
    assert.equal((await fetch(url, { headers: { 'if-none-match': '"other"' } })).status, 200);
  });

  test('HEAD answers as GET does, without the body', async () => {
    const url = origin.url + GALLERY[2]!.path;
    const [head, get] = [await fetch(url, { method: 'HEAD' }), await fetch(url)];
    assert.equal(head.headers.get('etag'), get.headers.get('etag'));
    assert.equal(head.headers.get('content-length'), get.headers.get('content-length'));
    assert.equal((await head.arrayBuffer()).byteLength, 0);
  });

  test('each trial says what a cache may do, and counts how often it was made', async () => {
    const kept: Record<string, string> = {
      '/slow': 'max-age=0, s-maxage=30',
      '/news': 'max-age=0, s-maxage=5, stale-while-revalidate=60',
      '/private': 'no-store',
    };
    for (const [path, cacheControl] of Object.entries(kept)) {
      const first = await fetch(origin.url + path);
      assert.equal(first.headers.get('cache-control'), cacheControl);
      const { made } = (await first.json()) as { made: number };
      const { made: again } = (await (await fetch(`${origin.url}${path}?again`)).json()) as { made: number };
      assert.equal(again, made + 1, path);
    }
  });

  test('what is not there is 404, what would change something is 405', async () => {
    for (const path of ['/nothing', '/images/999.jpg', '//', '/%']) assert.equal((await fetch(origin.url + path)).status, 404, path);
    const post = await fetch(`${origin.url}/slow`, { method: 'POST', body: 'x' });
    assert.equal(post.status, 405);
    assert.equal(post.headers.get('allow'), 'GET, HEAD');
  });

  test('a port in use is one clear error', async () => {
    await assert.rejects(startDemoOrigin({ port: origin.port }), (error) => error instanceof MillraceError && error.code === 'ERR_LISTEN' && error.message.includes(String(origin.port)));
  });
});
