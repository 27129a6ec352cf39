/**
 * @module demo/palette
 * The colours of the hours: gradients from a scene's darkest tone to its brightest, blended as the
 * day goes on, so that the pictures side by side run from dawn to night.
 */

/** Five colours from dark to bright, as red, green, blue. */
type Gradient = readonly (readonly [number, number, number])[];

const DAY: readonly Gradient[] = [
  gradient('1b1738 57386f b9607f f2a187 ffe6bd'), // dawn
  gradient('12284d 2a5f93 5fa3bd f2c9a1 fff1d6'), // sunrise
  gradient('06304f 0d6c97 34a9c4 9fdfe2 f7fffb'), // morning
  gradient('05333c 0b7478 3fb59a a9e0b0 fbffe3'), // noon, by the reeds
  gradient('0b2f4a 1f6f8b 6fb7a8 eed9a0 fffbe0'), // afternoon
  gradient('23183f 7a2f5f d65d4f f8a453 ffe8a3'), // sunset
  gradient('150f33 402a6e 8a4c97 e08aa6 ffd9cf'), // dusk
  gradient('050a1c 12244f 2f5590 7fa6d6 eaf3ff'), // night
];

/** The palette for an hour between 0 (dawn) and 1 (night): `steps` colours from dark to bright, red, green, blue each. */
export function paletteAt(hour: number, steps: number): Uint8Array {
  const place = Math.min(Math.max(hour, 0), 1) * (DAY.length - 1);
  const before = Math.min(Math.floor(place), DAY.length - 2);
  const palette = new Uint8Array(steps * 3);
  for (let step = 0; step < steps; step++) {
    for (let channel = 0; channel < 3; channel++) {
      const tone = step / (steps - 1);
      const earlier = sample(DAY[before]!, tone, channel);
      const later = sample(DAY[before + 1]!, tone, channel);
      palette[step * 3 + channel] = Math.round(earlier + (later - earlier) * (place - before));
    }
  }
  return palette;
}

function sample(colours: Gradient, tone: number, channel: number): number {
  const place = tone * (colours.length - 1);
  const below = Math.min(Math.floor(place), colours.length - 2);
  const low = colours[below]![channel]!;
  const high = colours[below + 1]![channel]!;
  return low + (high - low) * (place - below);
}

function gradient(colours: string): Gradient {
  return colours.split(' ').map((hex) => [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number, number]);
}
