/**
 * @module cli/warm/sitemap
 * The URLs of a sitemap, or of the sitemaps that an index names. No XML parser but what a sitemap is
 * made of: the text of `<loc>` right below `<url>` and `<sitemap>`. What would need more, a document
 * type with entities of its own, is refused; so nothing in it can grow beyond its size.
 * Source: https://www.sitemaps.org/protocol.html
 */
export interface Sitemap {
  readonly kind: 'sitemap' | 'index';
  /** As they stand there, but for white space around them. */
  readonly locations: readonly string[];
  /** How many more there were that are longer than a location may be. */
  readonly tooLong: number;
  /** How many more there were than a sitemap may have. */
  readonly tooMany: number;
}

/** Characters: https://www.sitemaps.org/protocol.html#locdef */
export const MAX_LOCATION = 2048;
/** https://www.sitemaps.org/protocol.html#index */
export const MAX_LOCATIONS = 50_000;

/** A comment, CDATA, an instruction, a declaration, a tag, or text. Each alternative begins otherwise, so that no text takes long. */
const PIECE = /<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<\?[^]*?\?>|<!|<(\/?)([^\s<>/"'=]+)(?:[^<>"']|"[^"]*"|'[^']*')*>|[^<]+|</gy;
const ENTITIES: ReadonlyMap<string, string> = new Map([['amp', '&'], ['lt', '<'], ['gt', '>'], ['quot', '"'], ['apos', "'"]]);
const ROOTS: ReadonlyMap<string, Sitemap['kind']> = new Map([['urlset', 'sitemap'], ['sitemapindex', 'index']]);

/** The text of one location, of which no more is kept than it may have. */
class Location {
  #text = '';
  #isTooLong = false;

  add(text: string): void {
    if (this.#isTooLong) return;
    this.#text = (this.#text + text).trimStart();
    if (this.#text.length <= MAX_LOCATION) return;
    this.#text = this.#text.trimEnd();
    this.#isTooLong = this.#text.length > MAX_LOCATION;
    if (this.#isTooLong) this.#text = '';
  }

  /** Undefined where it is too long. A copy: a part of a string would keep all of the sitemap in memory. */
  get text(): string | undefined {
    return this.#isTooLong ? undefined : structuredClone(this.#text.trim());
  }
}

/** Undefined for what is no sitemap. */
export function parseSitemap(text: string): Sitemap | undefined {
  const open: string[] = [];
  const locations: string[] = [];
  let tooLong = 0;
  let tooMany = 0;
  let kind: Sitemap['kind'] | undefined;
  let location: Location | undefined;
  for (const [piece, cdata, slash, name] of text.replace(/^\uFEFF/, '').matchAll(PIECE)) {
    if (piece === '<' || piece === '<!') return undefined;
    if (name === undefined) {
      if (location !== undefined && !/^<[!?]/.test(piece)) location.add(decode(piece));
      else if (cdata !== undefined && location !== undefined) location.add(cdata);
    } else if (slash === '/') {
      if (open.pop() !== name) return undefined;
      if (location !== undefined && isLocation([...open, name])) {
        const { text: found } = location;
        if (found === undefined) tooLong++;
        else if (locations.length === MAX_LOCATIONS) tooMany++;
        else locations.push(found);
        location = undefined;
      }
    } else {
      kind ??= ROOTS.get(localName(name));
      // The root is what says that it is a sitemap.
      if (kind === undefined) return undefined;
      if (piece.endsWith('/>')) continue;
      open.push(name);
      if (isLocation(open)) location = new Location();
    }
  }
  return kind === undefined || open.length > 0 ? undefined : { kind, locations, tooLong, tooMany };
}

/** Of a page or a sitemap, not of an image or a video on it. */
function isLocation(path: readonly string[]): boolean {
  if (path.length !== 3) return false;
  const [root, parent, own] = path.map(localName);
  return own === 'loc' && (root === 'urlset' ? parent === 'url' : parent === 'sitemap');
}

/** Without the prefix of its name space. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** What is no entity that XML itself has stays as it is. */
function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{1,8}));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return ENTITIES.get(name) ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
