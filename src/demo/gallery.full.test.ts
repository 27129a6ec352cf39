import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { GALLERY, pictureBytes } from './gallery.ts';

test('no two pictures are alike, and their sizes are mixed', () => {
  const files = GALLERY.map((picture) => pictureBytes(picture));
  assert.equal(new Set(files.map((file) => createHash('sha256').update(file).digest('hex'))).size, 272);
  assert.ok(files.some((file) => file.length < 1500), 'small ones');
  assert.ok(files.some((file) => file.length > 30_000), 'large ones');
  for (const [i, picture] of GALLERY.entries()) {
    const magic = files[i]!.toString('latin1', 0, 3);
    assert.equal(magic, picture.mediaType === 'image/gif' ? 'GIF' : '\xff\xd8\xff');
  }
});
