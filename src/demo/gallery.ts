/**
 * @module demo/gallery
 * The 272 pictures of the demo: which scene, hour, size and format each one has, and its bytes.
 * All of it follows from the number of the picture; bytes are made when first asked for and kept.
 */
import { encodeGif } from './gif.ts';
import { encodeJpeg } from './jpeg.ts';
import { paletteAt } from './palette.ts';
import { current, glitter, ripples, seededRandom, shallows, swell, wheel } from './scene.ts';
import type { Scene } from './scene.ts';

/** How many pictures there are; half of them JPEG, half GIF. */
export const GALLERY_SIZE = 272;

const SCENES: readonly { readonly name: string; readonly make: (random: () => number) => Scene }[] = [
  { name: 'swell', make: swell },
  { name: 'ripples', make: ripples },
  { name: 'glitter', make: glitter },
  { name: 'current', make: current },
  { name: 'wheel', make: wheel },
  { name: 'shallows', make: shallows },
];

/** Pixels along a side, from about 1 KB to about 50 KB a file. */
const SIDES = [48, 96, 128, 160, 96, 224, 128, 288];
const WHEEL_SIDE = 112;
const WHEEL_FRAMES = 6;

/** What can be known of a picture without making it. */
export interface GalleryPicture {
  readonly index: number;
  /** `/images/001-swell.jpg` */
  readonly path: string;
  readonly mediaType: 'image/jpeg' | 'image/gif';
  /** For the alternative text: `swell at dawn`. */
  readonly title: string;
  /** Pixels along each side: all are square. */
  readonly side: number;
  /** Frames of an animation; 1 for a still picture. */
  readonly frames: number;
}

/** All pictures in the order of the day. */
export const GALLERY: readonly GalleryPicture[] = Array.from({ length: GALLERY_SIZE }, (_, index) => describe(index));

const byPath = new Map(GALLERY.map((picture) => [picture.path, picture]));
const made = new Map<number, Buffer>();

/** The picture at a path; undefined where there is none. */
export function galleryPicture(path: string): GalleryPicture | undefined {
  return byPath.get(path);
}

/** The file of a picture: the same bytes each time, on every machine of a kind. */
export function pictureBytes(picture: GalleryPicture): Buffer {
  let bytes = made.get(picture.index);
  if (bytes === undefined) {
    bytes = picture.mediaType === 'image/jpeg' ? makeJpeg(picture) : makeGif(picture);
    made.set(picture.index, bytes);
  }
  return bytes;
}

function describe(index: number): GalleryPicture {
  const scene = sceneOf(index);
  const jpeg = index % 2 === 0;
  // A still scene differs enough by its seed; the wheel is worth seeing turn.
  const turns = scene.name === 'wheel' && !jpeg;
  return {
    index,
    path: `/images/${String(index + 1).padStart(3, '0')}-${scene.name}.${jpeg ? 'jpg' : 'gif'}`,
    mediaType: jpeg ? 'image/jpeg' : 'image/gif',
    title: `${scene.name} ${timeOfDay(hourOf(index))}`,
    side: turns ? WHEEL_SIDE : SIDES[Math.floor(seededRandom(index * 7 + 3)() * SIDES.length)]!,
    frames: turns ? WHEEL_FRAMES : 1,
  };
}

/** Scenes follow each other in a shifting order, so that no column of the grid shows only one of them. */
function sceneOf(index: number): (typeof SCENES)[number] {
  return SCENES[(index + Math.floor(index / SCENES.length)) % SCENES.length]!;
}

function hourOf(index: number): number {
  return index / (GALLERY_SIZE - 1);
}

function timeOfDay(hour: number): string {
  const times = ['at dawn', 'at sunrise', 'in the morning', 'at noon', 'in the afternoon', 'at sunset', 'at dusk', 'at night'];
  return times[Math.round(hour * (times.length - 1))]!;
}

function makeJpeg(picture: GalleryPicture): Buffer {
  const { index, side } = picture;
  const scene = sceneOf(index).make(seededRandom(index));
  const colours = paletteAt(hourOf(index), 256);
  const pixels = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const colour = Math.round(scene(((i % side) + 0.5) / side, (Math.floor(i / side) + 0.5) / side, 0) * 255) * 3;
    pixels[i * 3] = colours[colour]!;
    pixels[i * 3 + 1] = colours[colour + 1]!;
    pixels[i * 3 + 2] = colours[colour + 2]!;
  }
  return encodeJpeg({ width: side, height: side, pixels }, 82);
}

function makeGif(picture: GalleryPicture): Buffer {
  const { index, side, frames } = picture;
  const scene = sceneOf(index).make(seededRandom(index));
  const steps = frames > 1 ? 16 : side > 100 ? 48 : 24;
  const drawn = Array.from({ length: frames }, (_, frame) => {
    const pixels = new Uint8Array(side * side);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const tone = scene((x + 0.5) / side, (y + 0.5) / side, frame / frames);
        pixels[y * side + x] = Math.min(steps - 1, Math.floor(tone * (steps - 1) + dither(x, y)));
      }
    }
    return pixels;
  });
  return encodeGif({ width: side, height: side, palette: paletteAt(hourOf(index), steps), frames: drawn, delay: 9 });
}

/** A threshold between 0 and 1 that differs from each pixel to the next (Bayer, 4 × 4): it hides the steps between colours. */
function dither(x: number, y: number): number {
  return (BAYER[(y & 3) * 4 + (x & 3)]! + 0.5) / 16;
}

const BAYER = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];
