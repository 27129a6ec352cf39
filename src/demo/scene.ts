/**
 * @module demo/scene
 * What the demo's pictures show: water, as functions from a place to a tone. A scene knows shapes
 * and light but no colours; the palette (demo/palette) gives it the hour of the day.
 */

/** The tone, 0 (darkest) to 1 (brightest), at x and y between 0 and 1, y downwards; `phase` runs from 0 to 1 through one movement. */
export type Scene = (x: number, y: number, phase: number) => number;

/** Numbers between 0 and 1, the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Drops that fell into still water: rings that cross. */
export function ripples(random: () => number): Scene {
  const drops = Array.from({ length: 2 + Math.floor(random() * 3) }, () => ({
    x: random() * 1.2 - 0.1,
    y: random() * 1.2 - 0.1,
    rings: 26 + random() * 34,
    reach: 1.2 + random() * 2,
  }));
  const slant = random() * 0.5 - 0.25;
  return (x, y, phase) => {
    let height = 0;
    for (const drop of drops) {
      const distance = length(x - drop.x, y - drop.y);
      height += Math.sin(distance * drop.rings - phase * 2 * Math.PI) * Math.exp(-distance * drop.reach);
    }
    return clamp(0.46 + height * 0.36 + slant * (x - 0.5) + (0.5 - y) * 0.35);
  };
}

/** Rows of waves, paler the farther away, under a sun or moon. */
export function swell(random: () => number): Scene {
  const rows = Array.from({ length: 4 + Math.floor(random() * 4) }, () => ({
    height: 0.018 + random() * 0.05,
    length: 4 + random() * 9,
    start: random() * 2 * Math.PI,
    second: random() * 2 * Math.PI,
  }));
  const horizon = 0.3 + random() * 0.25;
  const sunX = 0.2 + random() * 0.6;
  const sunY = horizon - 0.22 + random() * 0.26;
  const sunSize = 0.07 + random() * 0.1;
  return (x, y, phase) => {
    let tone = 0.62 + (y / horizon) * 0.24;
    const fromSun = length(x - sunX, y - sunY);
    if (fromSun < sunSize) tone = 1;
    else tone += 0.14 * Math.exp((sunSize - fromSun) * 9);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const nearness = i / (rows.length - 1);
      const crest =
        horizon + (1 - horizon) * 0.86 * nearness ** 1.2 + row.height * (0.5 + nearness) *
        (Math.sin(x * row.length + row.start + phase * 2 * Math.PI) + 0.5 * Math.sin(x * row.length * 2.1 + row.second));
      if (y < crest) break;
      tone = 0.66 - nearness * 0.58 + Math.max(0, 0.16 - (y - crest) * 1.6);
    }
    return clamp(tone);
  };
}

/** A slow current seen from above: bands that fold into each other. */
export function current(random: () => number): Scene {
  const turn = random() * Math.PI;
  const along = Math.cos(turn);
  const across = Math.sin(turn);
  const bands = 5 + random() * 8;
  const fold = 0.35 + random() * 0.5;
  const a = random() * 6;
  const b = random() * 6;
  return (x, y, phase) => {
    let u = (x * along + y * across) * 2;
    let v = (y * along - x * across) * 2;
    for (let i = 1; i <= 3; i++) {
      const nextU = u + (fold / i) * Math.sin(i * 1.7 * v + a + phase * 2 * Math.PI);
      v += (fold / i) * Math.cos(i * 1.5 * u + b);
      u = nextU;
    }
    return clamp(0.5 + 0.34 * Math.sin(u * bands * 0.6) + 0.16 * Math.sin(v * bands));
  };
}

/** Sunlight on the bed of a shallow stream: a net of bright lines. */
export function shallows(random: () => number): Scene {
  const scale = 5 + random() * 6;
  const shiftX = random() * 40;
  const shiftY = random() * 40;
  const time = random() * 12;
  return (x, y, phase) => {
    const px = x * scale + shiftX;
    const py = y * scale + shiftY;
    let u = px;
    let v = py;
    let light = 0;
    for (let i = 1; i <= 4; i++) {
      const t = (time + phase * 2 * Math.PI) * (1 - 3.2 / (i + 1));
      const nextU = px + Math.cos(t - u) + Math.sin(t + v);
      v = py + Math.sin(t - v) + Math.cos(t + u);
      u = nextU;
      light += 1 / (0.2 + length(Math.sin(u + t), Math.cos(v + t)) * 2.2);
    }
    return clamp(0.06 + (light / 4) ** 1.4 * 0.44 + (1 - y) * 0.16);
  };
}

/** The low sun over a pond and its glitter on the water. */
export function glitter(random: () => number): Scene {
  const horizon = 0.3 + random() * 0.2;
  const sunX = 0.25 + random() * 0.5;
  const sunSize = 0.08 + random() * 0.08;
  const sunY = horizon - sunSize * (0.1 + random() * 1.1);
  const start = random() * 10;
  const hill = { height: 0.03 + random() * 0.09, length: 3 + random() * 6, start: random() * 6 };
  return (x, y, phase) => {
    if (y < horizon) {
      const ridge = horizon - hill.height * (0.6 + 0.4 * Math.sin(x * hill.length + hill.start) + 0.2 * Math.sin(x * hill.length * 3.7));
      if (y > ridge) return 0.22;
      const fromSun = length(x - sunX, y - sunY);
      return fromSun < sunSize ? 1 : clamp(0.52 + (y / horizon) * 0.24 + 0.22 * Math.exp((sunSize - fromSun) * 7));
    }
    const depth = (y - horizon) / (1 - horizon);
    const row = Math.log(0.06 + depth) * 16;
    const wave = Math.sin(row * 2.3 + start + Math.sin(x * 9 + row) * 1.4 + phase * 2 * Math.PI) * Math.sin(x * 31 + row * 5.3 + start);
    const path = Math.exp(-(((x - sunX) / (sunSize * (1.1 + depth * 1.6))) ** 2));
    return clamp(0.52 - depth * 0.4 + wave * 0.07 + path * (0.22 + 0.42 * wave));
  };
}

/** A mill wheel over its race. It has twelve paddles, so one phase is a twelfth of a turn. */
export function wheel(random: () => number): Scene {
  const paddles = 12;
  const centreX = 0.36 + random() * 0.28;
  const centreY = 0.4 + random() * 0.1;
  const radius = 0.29 + random() * 0.08;
  const water = centreY + radius * 0.72;
  const start = random();
  const wave = 7 + random() * 6;
  return (x, y, phase) => {
    const dx = x - centreX;
    const dy = y - centreY;
    const distance = length(dx, dy) / radius;
    const surface = water + 0.012 * Math.sin(x * wave * 2 + phase * 2 * Math.PI) + 0.008 * Math.sin(x * wave * 5 - phase * 2 * Math.PI);
    if (y > surface) {
      const below = y - surface;
      return clamp(below < 0.014 ? 0.95 : 0.44 - below * 0.7 + 0.08 * Math.sin(below * 70 + Math.sin(x * wave * 3 + phase * 2 * Math.PI) * 1.5));
    }
    if (distance < 1.12) {
      // How far from the nearest spoke, measured along the circle.
      const turn = (Math.atan2(dy, dx) / (2 * Math.PI)) * paddles + start - phase;
      const fromSpoke = (Math.abs(turn - Math.round(turn)) * distance * 2 * Math.PI) / paddles;
      const rim = Math.abs(distance - 0.9) < 0.05 || Math.abs(distance - 0.62) < 0.03 || distance < 0.12;
      if (rim || (fromSpoke < 0.035 && distance < 0.9) || (fromSpoke < 0.06 && distance > 0.72)) return distance < 0.06 ? 0.6 : 0.1;
    }
    return clamp(0.66 + 0.3 * Math.exp(-distance * 1.1) + (y / water - 0.6) * 0.2);
  };
}

/** Math.hypot without its care for figures too large to square, which costs most of the drawing time. */
function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

function clamp(tone: number): number {
  return tone < 0 ? 0 : tone > 1 ? 1 : tone;
}
