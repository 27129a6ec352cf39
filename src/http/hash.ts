/**
 * @module http/hash
 * FNV-1a of 32 bits, for tables: quick for short names, without a seed, the same on every machine.
 * Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */
export const FNV_SEED: number = 0x811c9dc5 | 0;
export const FNV_PRIME = 0x01000193;

/** Of the UTF-16 units of the text; 0 to 2^32 - 1. */
export function fnv1a(text: string): number {
  let hash = FNV_SEED;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash >>> 0;
}
