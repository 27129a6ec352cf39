/**
 * @module test/fuzz/texts
 * Field values, URLs and files as text, also very long: every reader gives what it says it gives, within a
 * time that grows with the length alone.
 */
import { readPurge } from '../../src/admin/purge-request.ts';
import { parseLogLine } from '../../src/cli/warm/log-lines.ts';
import { parseSitemap } from '../../src/cli/warm/sitemap.ts';
import { MillraceError } from '../../src/errors.ts';
import { parseContentRange, parseRange } from '../../src/http/byte-range.ts';
import { parseCacheControl, parseTargetedCacheControl } from '../../src/http/cache-control.ts';
import { parseHttpDate } from '../../src/http/date.ts';
import { parseEntityTag, parseEntityTagList } from '../../src/http/entity-tag.ts';
import { Fields } from '../../src/http/fields.ts';
import { Forwarding } from '../../src/http/forwarding.ts';
import { splitList } from '../../src/http/list.ts';
import { normalUrl } from '../../src/http/normal-url.ts';
import { sortedQuery } from '../../src/http/sorted-query.ts';
import { parseDictionary, parseList } from '../../src/http/structured.ts';
import { appendCdnLoop, appendVia, checkLoop } from '../../src/http/via.ts';
import { parseWeighted } from '../../src/http/weighted.ts';
import { parseEmbeddedPath } from '../../src/origin/embedded-path.ts';
import { FixedOrigin } from '../../src/origin/fixed-origin.ts';
import { HeadWatch } from '../../src/origin/head-watch.ts';
import { HostCookies } from '../../src/origin/host-cookies.ts';
import { rewriteResponse } from '../../src/origin/rewrite.ts';
import { parseAbsoluteForm } from '../../src/origin/targets.ts';
import { isCredential } from '../../src/policy/credentials.ts';
import { invalidatedGroups, tagsOf } from '../../src/policy/groups.ts';
import { selectingNames, varyNames } from '../../src/policy/vary.ts';
import type { OpenTarget, Target } from './target.ts';

/** Characters: as many as a head may have. */
const LONG = 32 * 1024;
/** ms of processor time for a text of that length, on a machine at work. */
const PATIENCE_MS = 400;

const based = new FixedOrigin('http://127.0.0.1:3000/base');
const site = based.site({ scheme: 'http', host: 'www.example.com' }, 'www.example.com');
const NONE = new Fields();
const trusting = new Forwarding({ instance: 'a', preserveHost: true, trustProxy: ['127.0.0.1'] });
const cookies = new HostCookies('secret');

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  cacheControl: (text) => parseCacheControl([text]).seconds('max-age'),
  targeted: (text) => parseTargetedCacheControl([text])?.size,
  date: (text) => parseHttpDate(text, Date.now()),
  range: parseRange,
  contentRange: parseContentRange,
  entityTag: parseEntityTag,
  entityTags: parseEntityTagList,
  list: (text) => splitList(text).length,
  weighted: (text) => parseWeighted(text).length,
  dictionary: parseDictionary,
  structuredList: parseList,
  url: normalUrl,
  query: sortedQuery,
  absolute: parseAbsoluteForm,
  vary: (text) => varyNames(Fields.of({ Vary: text })),
  selecting: (text) => selectingNames(Fields.of({ Vary: text }), Fields.of({ Vary: text, 'Content-Encoding': 'gzip' })),
  tags: (text) => tagsOf(Fields.of({ 'Cache-Groups': text, 'Surrogate-Key': text, 'Cache-Tag': text, xkey: text })).length,
  groups: (text) => invalidatedGroups(Fields.of({ 'Cache-Group-Invalidation': text })).length,
  via: (text) => {
    const fields = Fields.of({ Via: text, 'CDN-Loop': text });
    appendVia(fields, '1.1');
    appendCdnLoop(fields, 'a');
    checkLoop(fields, 'b');
  },
  target: (text) => based.resolve({ method: 'GET', requestTarget: text, fields: NONE }),
  mapped: (text) => {
    const fields = Fields.of({ Location: text, 'Content-Location': text, Refresh: `0; url=${text}`, Link: text, 'Set-Cookie': text });
    based.toClient(fields, site, { method: 'GET', target: based.origin });
  },
  destination: (text) => based.toOrigin(Fields.of({ Destination: text, If: text }), site),
  headWatch: (text) => new HeadWatch().push(Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding:${text}`, 'latin1')),
  forwarded: (text) => trusting.forward({ method: 'GET', fields: Fields.of({ Host: text, Forwarded: text, 'X-Forwarded-Host': text, 'X-Forwarded-For': text }), httpVersion: '1.1', scheme: 'http', clientAddress: '127.0.0.1' }, 'a', 'reverse').forwardedAs,
  embeddedPath: (text) => parseEmbeddedPath(text, 80)?.path,
  embedded: (text) => rewriteResponse(Fields.of({ Location: text, 'Content-Location': text, 'Referrer-Policy': text, 'Set-Cookie': text }), { target: based.origin, prefix: '/127.0.0.1:3000', upstreamPort: 80, cookies }),
  cookies: (text) => cookies.toOrigin(Fields.of({ Cookie: text }), based.origin),
  credential: isCredential,
  sitemap: (text) => parseSitemap(text)?.locations.length,
  logLine: parseLogLine,
  purge: (text) => readPurge(text, 'application/json'),
  purgeForm: (text) => readPurge(text, 'application/x-www-form-urlencoded'),
};

export const texts: Target = {
  name: 'texts',
  seeds: [
    'public, max-age=60, private="a, b", no-cache="x"', 'a=1;b, c=(1 2);d="e", f=:AAAA:, g=@1, h=?0', 'Tue, 01 Dec 2026 00:00:00 GMT', 'Tuesday, 01-Dec-26 00:00:00 GMT', 'bytes=0-1,5-,-9', 'bytes 0-3/9', 'W/"a", "b,c"', 'text/html;q=0.5, */*;q=.1', '1.1 a (comment \\) (nested)), 1.0 b', 'millrace-1;a=b, other',
    '/a/../b/%2e%2e/c;d=e?b=2&a=1&c[]=3', 'http://u:p@www.example.com:80/a?b#c', '</a>; rel="preload"; as=style, <http://127.0.0.1:3000/base/x>; rel=next', 'a=b; Path=/base/x; Domain=127.0.0.1; HttpOnly', '(<urn:a> ["b"]) (Not <urn:c>)', '<?xml version="1.0"?><urlset><url><loc>http://a/b&amp;c</loc></url></urlset>',
    '{"ts":1,"method":"GET","url":"/a"}', '127.0.0.1 - - [01/Dec/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "ua"', '{"url":"/a","soft":true}', 'url=%2Fa&soft=true',
  ].map((text): Buffer => Buffer.from(text, 'latin1')),
  words: [',', ';', '=', '"', '\\', '\\"', '(', ')', '<', '>', '[', ']', '%', '%25', '%2e', '/', '/..', '?', '&', '#', ':', '@', ' ', '\t', '\xa0', 'W/', '*', '-', 'q=', '<!--', '-->', '<![CDATA[', '&amp;', '&', '[]', '.', 'rel=', 'Path=', '1e999', '-0', '__proto__', 'max-age='],
  async open(): Promise<OpenTarget> {
    return {
      async run(input) {
        const text = input.toString('latin1');
        const words: string[] = [];
        for (const each of [text, text === '' ? '' : text.repeat(Math.ceil(LONG / text.length)).slice(0, LONG)]) {
          for (const [name, read] of Object.entries(READERS)) {
            const begun = process.cpuUsage();
            try {
              if (read(each) !== undefined) words.push(name);
            } catch (error) {
              if (!(error instanceof MillraceError)) throw new Error(`${name} threw`, { cause: error });
            }
            const tookMs = process.cpuUsage(begun).user / 1000;
            if (tookMs > PATIENCE_MS) throw new Error(`${name} took ${tookMs} ms for ${each.length} characters`);
          }
        }
        return words.join(' ');
      },
      [Symbol.asyncDispose]: async () => {},
    };
  },
};
