import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { GALLERY, GALLERY_SIZE, galleryPicture, pictureBytes } from './gallery.ts';

describe('gallery', () => {
  test('272 pictures, half JPEG, half GIF, each under a path of its own', () => {
    assert.equal(GALLERY_SIZE, 272);
    assert.equal(GALLERY.length, 272);
    assert.equal(GALLERY.filter((picture) => picture.mediaType === 'image/jpeg').length, 136);
    assert.equal(GALLERY.filter((picture) => picture.mediaType === 'image/gif').length, 136);
    assert.equal(new Set(GALLERY.map((picture) => picture.path)).size, 272);
  });

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

  test('a path leads to its picture, another to none', () => {
    assert.equal(galleryPicture(GALLERY[5]!.path), GALLERY[5]);
    assert.equal(galleryPicture('/images/999.jpg'), undefined);
  });
});
