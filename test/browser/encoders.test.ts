/** Whether a browser sees in our JPEG and GIF files what was drawn. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { encodeGif } from '../../src/demo/gif.ts';
import { encodeJpeg } from '../../src/demo/jpeg.ts';
import { launchChromium, noBrowser } from './chromium.ts';

describe('pictures as a browser decodes them', { skip: noBrowser }, () => {
  let browser: Browser;
  let page: Page;
  before(async () => {
    browser = await launchChromium();
    page = await browser.newPage();
  });
  after(() => browser.close());

  // Sides that are no multiple of a block's, and a smooth, fully coloured surface.
  for (const [width, height] of [[64, 64], [37, 21], [1, 1], [129, 8]] as const) {
    test(`a JPEG of ${width} × ${height} has the colours that were drawn`, async () => {
      const pixels = new Uint8Array(width * height * 3);
      for (let i = 0; i < width * height; i++) {
        const x = i % width;
        const y = Math.floor(i / width);
        pixels.set([128 + 120 * Math.sin(x / 9), 128 + 120 * Math.cos(y / 7), 128 + 120 * Math.sin((x + y) / 11)], i * 3);
      }
      const seen = await decodeIn(page, encodeJpeg({ width, height, pixels }, 95), 'image/jpeg');
      assert.deepEqual([seen.width, seen.height], [width, height]);
      const furthest = seen.rgb.reduce((worst, value, i) => Math.max(worst, Math.abs(value - pixels[i]!)), 0);
      assert.ok(furthest <= 12, `the furthest value is ${furthest} off`);
    });
  }

  test('a GIF has exactly the colours that were drawn', async () => {
    const palette = Uint8Array.from({ length: 256 * 3 }, (_, i) => (i * 73) & 255);
    const frame = Uint8Array.from({ length: 150 * 90 }, (_, i) => ((i * i) >> 3) & 255);
    const seen = await decodeIn(page, encodeGif({ width: 150, height: 90, palette, frames: [frame] }), 'image/gif');
    assert.deepEqual(seen.rgb, Array.from(frame).flatMap((colour) => [...palette.subarray(colour * 3, colour * 3 + 3)]));
  });
});

/** The pixels of a file, row by row, as they come out of a canvas. */
function decodeIn(page: Page, file: Buffer, mediaType: string): Promise<{ width: number; height: number; rgb: number[] }> {
  return page.evaluate(`(async () => {
    const bytes = Uint8Array.from(atob('${file.toString('base64')}'), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: '${mediaType}' }), { colorSpaceConversion: 'none' });
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    return { width: bitmap.width, height: bitmap.height, rgb: [...data].filter((_, i) => i % 4 !== 3) };
  })()`);
}
