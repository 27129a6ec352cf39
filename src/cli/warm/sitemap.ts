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
}

/** A comment, CDATA, an instruction, a declaration, a tag, or text. Each alternative begins otherwise, so that no text takes long. */
const PIECE = /<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<\?[^]*?\?>|<!|<(\/?)([^\s<>/"'=]+)(?:[^<>"']|"[^"]*"|'[^']*')*>|[^<]+|</gy;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const ROOTS: Readonly<Record<string, Sitemap['kind']>> = { urlset: 'sitemap', sitemapindex: 'index' };

/** Undefined for what is no sitemap. */
export function parseSitemap(text: string): Sitemap | undefined {
  const open: string[] = [];
  const locations: string[] = [];
  let kind: Sitemap['kind'] | undefined;
  let location: string | undefined;
  for (const [piece, cdata, slash, name] of text.replace(/^\uFEFF/, '').matchAll(PIECE)) {
    if (piece === '<' || piece === '<!') return undefined;
    if (name === undefined) {
      if (location !== undefined && !/^<[!?]/.test(piece)) location += decode(piece);
      else if (cdata !== undefined && location !== undefined) location += cdata;
    } else if (slash === '/') {
      if (open.pop() !== name) return undefined;
      if (location !== undefined && isLocation([...open, name])) {
        locations.push(location.trim());
        location = undefined;
      }
    } else {
      kind ??= ROOTS[localName(name)];
      // The root is what says that it is a sitemap.
      if (kind === undefined) return undefined;
      if (piece.endsWith('/>')) continue;
      open.push(name);
      if (isLocation(open)) location = '';
    }
  }
  return kind === undefined || open.length > 0 ? undefined : { kind, locations };
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
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
