/**
 * @module cache/name-hash
 * Finds rows of shared tables by name: one hash for the row, an independent one to tell names in it apart.
 */
export interface NameHash {
  /** 32 bits, unsigned. */
  readonly row: number;
  /** 32 bits, signed. */
  readonly tag: number;
}

/** FNV-1a over the UTF-16 units for the row, and with another start for the tag. */
export function hashName(name: string): NameHash {
  let low = 0x811c9dc5;
  let high = 0x01234567;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x01000193) + 0x9e3779b9;
  }
  return { row: low >>> 0, tag: high ^ (high >>> 15) };
}
