import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GALLERY, GALLERY_SIZE, galleryPicture } from './gallery.ts';

describe('gallery', () => {
  test('272 pictures, half JPEG, half GIF, each under a path of its own', () => {
    assert.equal(GALLERY_SIZE, 272);
    assert.equal(GALLERY.length, 272);
    assert.equal(GALLERY.filter((picture) => picture.mediaType === 'image/jpeg').length, 136);
    assert.equal(GALLERY.filter((picture) => picture.mediaType === 'image/gif').length, 136);
    assert.equal(new Set(GALLERY.map((picture) => picture.path)).size, 272);
  });

  test('a path leads to its picture, another to none', () => {
    assert.equal(galleryPicture(GALLERY[5]!.path), GALLERY[5]);
    assert.equal(galleryPicture('/images/999.jpg'), undefined);
  });
});
