import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MAX_LOCATION, MAX_LOCATIONS, parseSitemap } from './sitemap.ts';

/** Where nothing was left out. */
const NONE = { tooLong: 0, tooMany: 0 };

const NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"';

describe('a sitemap', () => {
  const cases: [name: string, text: string, expected: Pick<NonNullable<ReturnType<typeof parseSitemap>>, 'kind' | 'locations'>][] = [
    ['of pages', `<?xml version="1.0" encoding="UTF-8"?>\n<urlset ${NS}>\n<url><loc>http://a/1</loc><lastmod>2026-01-01</lastmod></url><url>\n<loc>\n http://a/2 </loc></url></urlset>`, { kind: 'sitemap', locations: ['http://a/1', 'http://a/2'] }],
    ['of sitemaps', `<sitemapindex ${NS}><sitemap><loc>http://a/s.xml.gz</loc></sitemap></sitemapindex>`, { kind: 'index', locations: ['http://a/s.xml.gz'] }],
    ['with entities and CDATA', `<urlset><url><loc>http://a/?x=1&amp;y=&#39;&#x27;&apos;</loc></url><url><loc><![CDATA[http://a/?b&c=<]]></loc></url></urlset>`, { kind: 'sitemap', locations: ["http://a/?x=1&y='''", 'http://a/?b&c=<'] }],
    ['with images, and alternates whose attributes hold a ">"', `<urlset ${NS} xmlns:image="i"><url><loc>http://a/1</loc><image:image><image:loc>http://a/i.png</image:loc></image:image><xhtml:link rel="a>b" href='c>d'/></url></urlset>`, { kind: 'sitemap', locations: ['http://a/1'] }],
    ['with a prefix', '<s:urlset xmlns:s="x"><s:url><s:loc>http://a/1</s:loc></s:url></s:urlset>', { kind: 'sitemap', locations: ['http://a/1'] }],
    ['with comments', '<urlset><!-- <url><loc>no</loc></url> --><url><loc>http://a/<!-- no -->1</loc></url></urlset>', { kind: 'sitemap', locations: ['http://a/1'] }],
    ['with a byte order mark, and nothing in it', '\uFEFF<urlset/>', { kind: 'sitemap', locations: [] }],
    ['an unknown entity stays', '<urlset><url><loc>a&b;&#x110000;</loc></url></urlset>', { kind: 'sitemap', locations: ['a&b;&#x110000;'] }],
    ['entities that name members of every object stay', '<urlset><url><loc>a&toString;&constructor;&valueOf;</loc></url></urlset>', { kind: 'sitemap', locations: ['a&toString;&constructor;&valueOf;'] }],
  ];
  for (const [name, text, expected] of cases) test(name, () => assert.deepEqual(parseSitemap(text), { ...expected, ...NONE }));
});

describe('no sitemap', () => {
  const cases: [name: string, text: string][] = [
    ['nothing', ''],
    ['a page', '<!DOCTYPE html><html><body>Not found</body></html>'],
    ['a page without doctype', '<html><url><loc>http://a/</loc></url></html>'],
    ['entities of its own', '<!DOCTYPE u [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'],
    ['cut off', '<urlset><url><loc>http://a/1</loc></url>'],
    ['tags that cross', '<urlset><url><loc>http://a/1</url></loc></urlset>'],
    ['roots that are members of every object', '<constructor><sitemap><loc>http://a/1</loc></sitemap></constructor>'],
    ['another of them', '<toString/>'],
    ['text', 'http://a/1\nhttp://a/2\n'],
  ];
  for (const [name, text] of cases) test(name, () => assert.equal(parseSitemap(text), undefined));
});

test('what is escaped comes back, whatever else stands around it', () => {
  const url = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => `http://a/${text}`).filter((text) => text === text.trim() && !/[\p{Cc}\p{Cs}]/u.test(text));
  const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  fc.assert(fc.property(fc.array(url), (urls) => {
    const text = `<?xml version="1.0"?><urlset ${NS}>${urls.map((each) => `<url><loc>${escape(each)}</loc><x y="<!--">&amp;</x></url>`).join('\n').replaceAll('"<!--"', '"z"')}</urlset>`;
    assert.deepEqual(parseSitemap(text), { kind: 'sitemap', locations: urls, ...NONE });
  }));
});

test('any text is read or refused, in little time', () => {
  const piece = fc.constantFrom('<urlset>', '</urlset>', '<url>', '</url>', '<loc>', '</loc>', '<', '>', '<!', '<!--', '-->', '<![CDATA[', ']]>', '<?', '?>', '"', "'", '&', ';', 'a', ' ', '=', '/');
  fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => void parseSitemap(pieces.join(''))));
  for (const evil of ['<!--', '<![CDATA[', '<?', '<a "', '<a b', '<a \'"', '<', '&#']) assert.equal(parseSitemap(`<urlset>${evil.repeat(100_000)}`), undefined);
});

test('of a location that is too long nothing is kept, of too many no more than a sitemap may have', () => {
  const [fits, longer] = ['a'.repeat(MAX_LOCATION), 'a'.repeat(MAX_LOCATION + 1)];
  const blank = ' '.repeat(5000);
  const text = `<urlset>${[fits, `${blank}${fits}${blank}`, longer, `aa<!-- x -->${fits}`, `<![CDATA[${longer}]]>`].map((each) => `<url><loc>${each}</loc></url>`).join('')}</urlset>`;
  assert.deepEqual(parseSitemap(text), { kind: 'sitemap', locations: [fits, fits], tooLong: 3, tooMany: 0 });
  const many = parseSitemap(`<urlset>${'<url><loc>/a</loc></url>'.repeat(MAX_LOCATIONS + 7)}</urlset>`)!;
  assert.deepEqual([many.locations.length, many.tooMany], [MAX_LOCATIONS, 7]);
});
