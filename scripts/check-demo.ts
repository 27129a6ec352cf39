/**
 * @module scripts/check-demo
 * `npm run check:demo`: does `npm run demo` start, answer from the cache when asked again, and end?
 */
import assert from 'node:assert/strict';
import { start } from './announced.ts';

const demo = await start('npm', ['run', 'demo', '--', '--port', '0'], /(http:\/\/(?:localhost|127\.0\.0\.1):\d+\/?)/);
try {
  const page = await fetch(demo.url);
  assert.equal(page.status, 200);
  const html = await page.text();
  const pictures = [...html.matchAll(/<img[^>]*?\ssrc="([^"]+)"/g)].map((match) => new URL(match[1]!, page.url));
  assert.equal(pictures.length, 272, html.slice(0, 2000));
  for (const expected of ['MISS', 'HIT']) {
    for (const picture of pictures) {
      const response = await fetch(picture);
      await response.arrayBuffer();
      assert.equal(response.headers.get('x-cache'), expected, `${picture.pathname}\n${demo.output().slice(-2000)}`);
    }
    console.log(`- ${pictures.length} pictures: ${expected}`);
  }
} finally {
  await demo.stop();
}
console.log('- the demo has ended');
