/** The demo's page in a browser, through Millrace: misses at first, after a reload nothing but hits. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { resolveConfig } from '../../src/config.ts';
import { startDemoOrigin } from '../../src/demo/origin.ts';
import type { DemoOrigin } from '../../src/demo/origin.ts';
import { startServer } from '../../src/server/main.ts';
import type { RunningServer } from '../../src/server/main.ts';
import { launchChromium, noBrowser } from './chromium.ts';

/** In place of half a minute, which a busy machine may need; less than the limit of a test. */
const LIMIT_MS = 100_000;

describe('the gallery in a browser', { skip: noBrowser }, () => {
  let browser: Browser;
  let origin: DemoOrigin;
  let proxy: RunningServer;
  before(async () => {
    origin = await startDemoOrigin();
    proxy = await startServer(resolveConfig({ origin: origin.url, port: 0 }));
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    await proxy.close();
    await origin.close();
  });

  test('272 pictures: all from the origin, and after a reload all from the cache', async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    const results = watchResults(page);

    await page.goto(`${proxy.url}/`);
    await pageDone(page);
    assert.equal(await decodedImages(page), 272);
    assert.deepEqual(await results.taken(), { MISS: 272 });
    assert.deepEqual(await shown(page), { fromCache: '0', outcomes: { MISS: 272 } });
    const afterFirst = await counted(proxy);

    await page.reload();
    await pageDone(page);
    assert.equal(await decodedImages(page), 272);
    assert.deepEqual(await results.taken(), { HIT: 272 });
    assert.deepEqual(await shown(page), { fromCache: '272', outcomes: { HIT: 272 } });
    const afterSecond = await counted(proxy);

    // One request more than pictures: the page itself, which may have been a hit, too, the second time.
    assert.deepEqual(afterFirst, { requests: 273, hits: 0 });
    assert.equal(afterSecond.requests, 2 * 273);
    assert.ok(afterSecond.hits === 272 || afterSecond.hits === 273, `${afterSecond.hits} hits`);

    await Promise.all([page.waitForEvent('load'), page.click('#again')]);
    await pageDone(page);
    assert.deepEqual(await results.taken(), { HIT: 272 });
    assert.deepEqual(await shown(page), { fromCache: '272', outcomes: { HIT: 272 } });
    assert.equal(await page.locator('#loads li').count(), 3);
  });
});

/** What stood in X-Cache on the answers for pictures, as the browser got them. */
function watchResults(page: Page): { taken(): Promise<Record<string, number>> } {
  let seen: Promise<string | null>[] = [];
  page.on('response', (response) => {
    if (new URL(response.url()).pathname.startsWith('/images/') && !response.fromServiceWorker() && response.request().resourceType() === 'image') {
      seen.push(response.headerValue('x-cache'));
    }
  });
  return {
    async taken() {
      const results = await Promise.all(seen);
      seen = [];
      return tally(results);
    },
  };
}

/** Until the page has read how each of its pictures came. */
async function pageDone(page: Page): Promise<void> {
  await page.waitForFunction('document.documentElement.dataset.done === "272"');
}

function decodedImages(page: Page): Promise<number> {
  return page.evaluate(`[...document.querySelectorAll('main img')].filter((image) => image.complete && image.naturalWidth > 0).length`);
}

/** What the page itself says. */
async function shown(page: Page): Promise<{ fromCache: string; outcomes: Record<string, number> }> {
  const fromCache = await page.locator('#hits').textContent();
  const outcomes = await page.evaluate<string[]>(`[...document.querySelectorAll('main img')].map((image) => image.dataset.result)`);
  return { fromCache: String(fromCache), outcomes: tally(outcomes) };
}

function tally(results: readonly (string | null)[]): Record<string, number> {
  return Object.fromEntries(Map.groupBy(results, String).entries().map(([result, those]) => [result, those.length]));
}

async function counted({ adminUrl }: RunningServer): Promise<{ requests: number; hits: number }> {
  const stats = (await (await fetch(`${adminUrl}/__admin/stats`)).json()) as { requests: number; hits: number };
  return { requests: stats.requests, hits: stats.hits };
}
