/**
 * @module test/cli/warm
 * `millrace warm` as a user gives it, before real proxies and origins.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { WarmSummary } from '../../src/cli/warm/report.ts';
import { request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type OriginHandler, startOrigin } from '../kit/origin.ts';
import { Home } from './command.ts';

const page: OriginHandler = (incoming, response) => {
  const url = incoming.url!;
  if (url.startsWith('/gone')) return void response.writeHead(404).end();
  if (url.startsWith('/broken')) return void response.writeHead(200, { 'Content-Length': 10 }).end('half', () => response.socket?.destroy());
  if (url.startsWith('/private')) return void response.writeHead(200, { 'Cache-Control': 'no-store' }).end('x');
  response.writeHead(200, { 'Cache-Control': 'max-age=600', Vary: 'Accept-Encoding' }).end(`page ${url}`);
};

const urlset = (...urls: string[]): string => `<?xml version="1.0"?><urlset>${urls.map((url) => `<url><loc>${url.replaceAll('&', '&amp;')}</loc></url>`).join('')}</urlset>`;
const index = (...urls: string[]): string => `<sitemapindex>${urls.map((url) => `<sitemap><loc>${url}</loc></sitemap>`).join('')}</sitemapindex>`;

test('URLs of the proxy, of its origin and paths are fetched once, and the summary says what became of each', async (t) => {
  await using origin = await startOrigin(page);
  const home = new Home(t);
  const proxy = await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off');
  await request(`${proxy.url}/there`);
  const urls = ['/a', `${origin.url}/a`, `${proxy.url}/b#part`, '/there', '/private/1', '/private/2', 'http://www.example.com/a', 'mailto:x'];
  const done = await home.run('warm', ...urls, '--concurrency', '1');
  assert.deepEqual([done.code, done.stderr], [0, '']);
  assert.match(done.stdout, /^Asked for 5 URLs in \S+; \d+B came\.\nstored +2\nhits +1, stored before\nnot stored +2\n +2 {2}the response forbids storing: \/private\/1, \/private\/2\nleft out +2\n +1 {2}of another host, www\.example\.com\n +1 {2}neither a path nor an http URL\nWhere clients reach the proxy as www\.example\.com, add --header 'Host: www\.example\.com'\.\n$/u);
  for (const path of ['/a', '/b']) assert.equal((await request(proxy.url + path)).headers.get('x-cache'), 'HIT');
  assert.deepEqual(origin.requests.map(({ url }) => url), ['/there', '/a', '/b', '/private/1', '/private/2']);

  const failed = await home.run('warm', '/a', '/gone', '/gone/2', '/broken', '--json', '--concurrency', '1');
  assert.equal(failed.code, 1);
  const summary = JSON.parse(failed.stdout) as WarmSummary;
  assert.deepEqual([summary.urls, summary.hits, summary.stored, summary.leftOut], [4, 1, 0, []]);
  assert.deepEqual(summary.failed, [{ why: 'status 404', count: 2, examples: ['/gone', '/gone/2'] }, { why: 'the response broke off', count: 1, examples: ['/broken'] }]);
});

test('each variant is fetched, and Host is one of the fields', async (t) => {
  await using origin = await startOrigin(page);
  const home = new Home(t);
  const proxy = await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off');
  const done = await home.run('warm', 'https://www.example.com/a', '/b', '--header', 'Accept-Encoding: br', '--header', 'Accept-Encoding: gzip', '--header', 'Accept-Encoding:', '--header', 'Host: www.example.com');
  assert.match(done.stdout, /^Asked for 2 URLs in 3 variants in .*\nstored +6\n$/u);
  const asked = origin.requests.length;
  for (const path of ['/a', '/b']) {
    for (const encoding of [{ 'Accept-Encoding': 'br' }, { 'Accept-Encoding': 'gzip' }, {}]) {
      assert.equal((await request(proxy.url + path, { headers: { Host: 'www.example.com', ...encoding } })).headers.get('x-cache'), 'HIT');
    }
  }
  assert.equal(origin.requests.length, asked);
});

test('no more requests are under way than --concurrency allows', async (t) => {
  const rest = gate();
  t.after(rest.open);
  let atOnce = 0;
  let most = 0;
  await using origin = await startOrigin(async (incoming, response, context) => {
    most = Math.max(most, ++atOnce);
    await rest.wait;
    atOnce--;
    await page(incoming, response, context);
  });
  const home = new Home(t);
  await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off');
  const running = home.launch('warm', '--concurrency', '3', ...Array.from({ length: 20 }, (_, i) => `/${i}`));
  await origin.arrived(3);
  rest.open();
  assert.match((await running.finished).stdout, /stored +20\n/u);
  assert.equal(most, 3);
});

describe('a sitemap', () => {
  const serve = (files: Readonly<Record<string, string | Buffer>>) =>
    startOrigin((incoming, response, context) => {
      const file = files[incoming.url!];
      if (file === undefined) return page(incoming, response, context);
      if (typeof file === 'string' && file.startsWith('/')) return void response.writeHead(302, { Location: file }).end();
      response.writeHead(200, { 'Content-Type': 'application/xml' }).end(file);
    });

  test('is fetched through the proxy, an index with all it names, packed ones too', async (t) => {
    const files: Record<string, string | Buffer> = {};
    await using origin = await serve(files);
    Object.assign(files, {
      '/sitemap.xml': '/index.xml',
      '/index.xml': index(`${origin.url}/one.xml`, `${origin.url}/two.xml.gz`, `${origin.url}/missing.xml`, `${origin.url}/index.xml`, `${origin.url}/one.xml`),
      '/one.xml': urlset(`${origin.url}/a?x=1&y=2`, `${origin.url}/b`, 'https://other.example/c'),
      '/two.xml.gz': gzipSync(urlset(`${origin.url}/b`, `${origin.url}/d`)),
      '/missing.xml': '<html></html>',
    });
    const home = new Home(t);
    await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off');
    const done = await home.run('warm', '--sitemap', `${origin.url}/sitemap.xml`, '--json', '--concurrency', '1');
    const { urls, stored, leftOut } = JSON.parse(done.stdout) as WarmSummary;
    assert.deepEqual([urls, stored, done.code], [3, 3, 0]);
    assert.deepEqual(leftOut, [
      { why: 'of another host, other.example', count: 1 },
      { why: `The sitemap ${origin.url}/missing.xml cannot be read: it is no sitemap, or not a whole one`, count: 1 },
      { why: 'an index of sitemaps within another', count: 1 },
    ]);
    assert.deepEqual(origin.requests.map(({ url }) => url).filter((url) => /^\/[abd]/u.test(url)), ['/a?x=1&y=2', '/b', '/d']);
  });

  const zeros = gzipSync(Buffer.alloc(60_000_000));
  const refused: [name: string, url: string, files: Readonly<Record<string, string | Buffer>>, words: RegExp][] = [
    ['is not there', '/gone.xml', {}, /The sitemap \/gone\.xml cannot be read: the answer has status 404\./u],
    ['is none', '/page', {}, /cannot be read: it is no sitemap, or not a whole one\./u],
    ['is of another host', 'http://www.example.com/sitemap.xml', {}, /cannot be read: it is of another host, www\.example\.com\./u],
    ['leads in a circle', '/s.xml', { '/s.xml': '/s.xml' }, /cannot be read: it leads from one place to the next\./u],
    ['leads elsewhere', '/s.xml', { '/s.xml': '//www.example.com/s.xml' }, /it leads to http:\/\/www\.example\.com\/s\.xml, which is of another host/u],
    ['is damaged', '/s.xml.gz', { '/s.xml.gz': gzipSync('<urlset/>').subarray(0, 15) }, /cannot be read: it is damaged\./u],
    ['is a bomb', '/s.xml.gz', { '/s.xml.gz': zeros }, /cannot be read: unpacked it is larger than the 52428800 bytes/u],
  ];
  test('that cannot be read is one sentence', async (t) => {
    const files: Record<string, string | Buffer> = {};
    await using origin = await serve(files);
    const home = new Home(t);
    // What is stored of one case is no answer in the next.
    await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off', '--no-cache');
    for (const [name, url, served, words] of refused) {
      for (const path of Object.keys(files)) delete files[path];
      Object.assign(files, served);
      const done = await home.run('warm', '--sitemap', url);
      assert.deepEqual([done.code, done.stdout], [1, ''], name);
      assert.match(done.stderr, words, name);
    }
  });
});

describe('an access log', () => {
  test("of Millrace itself: another instance is warmed with what this one was asked, the most frequent first", async (t) => {
    await using origin = await startOrigin(page);
    const home = new Home(t);
    const first = await home.start('--port', '0', '--origin', origin.url, '--log-format', 'json');
    for (const path of ['/rare', '/often', '/often', '/often', '/gone', '/some', '/some']) await request(first.url + path);
    await request(`${first.url}/post`, { method: 'POST', body: 'x' });
    first.process.kill('SIGTERM');
    const log = join(home.directory, 'access.log');
    const packed = join(home.directory, 'access.log.1.gz');
    const { stdout } = await first.finished;
    writeFileSync(log, `${stdout}\nwarning: something else\n`);
    writeFileSync(packed, gzipSync('10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /combined HTTP/1.1" 200 5 "-" "curl/8"\n12:00:00 200 MISS           2.5KB    43ms  GET /pretty  nothing is stored for this URL'));
    const before = origin.requests.length;
    await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off');
    const done = await home.run('warm', '--from', log, '--from', packed, '--concurrency', '1');
    assert.match(done.stdout, /^Asked for 5 URLs .*\nstored +5\nleft out +3\n +2 {2}lines of log that are no GET, or failed\n +1 {2}lines of log that are no request\n$/u);
    assert.deepEqual(origin.requests.slice(before).map(({ url }) => url), ['/often', '/some', '/rare', '/combined', '/pretty']);
  });

  test('that cannot be read is one sentence', async (t) => {
    await using origin = await startOrigin(page);
    const home = new Home(t);
    await home.start('--port', '0', '--origin', origin.url, '--log-format', 'off');
    writeFileSync(join(home.directory, 'other.txt'), 'one\ntwo\n');
    for (const [file, words] of [['missing.log', /^millrace: There is no file missing\.log\.\n$/u], ['other.txt', /^millrace: other\.txt is no access log that can be read\./u], ['.', /^millrace: \. cannot be read: /u]] as const) {
      const done = await home.run('warm', '--from', file);
      assert.deepEqual([done.code, done.stdout], [1, '']);
      assert.match(done.stderr, words);
    }
  });
});

test('in front of any host, URLs of all of them are fetched', async (t) => {
  await using one = await startOrigin(page);
  await using two = await startOrigin(page);
  const home = new Home(t);
  const proxy = await home.start('--port', '0', '--log-format', 'off');
  const done = await home.run('warm', `${one.url}/a`, `${two.url}/a`, `/127.0.0.1:${one.port}/b`);
  assert.match(done.stdout, /^Asked for 3 URLs .*\nstored +3\n$/u);
  for (const target of [`/127.0.0.1:${one.port}/a`, `/127.0.0.1:${two.port}/a`, `/127.0.0.1:${one.port}/b`]) assert.equal((await request(proxy.url + target)).headers.get('x-cache'), 'HIT');
});

describe("a stranger's sitemap, in front of any host,", () => {
  test('has nothing asked of another host, by a location, an index or a redirect, however it is spelt', async (t) => {
    await using inner = await startOrigin(page);
    const files: Record<string, string> = {};
    await using stranger = await startOrigin((incoming, response, context) => {
      const file = files[incoming.url!];
      if (file === undefined) return page(incoming, response, context);
      if (/^(?:http|\/)/.test(file)) return void response.writeHead(302, { Location: file }).end();
      response.writeHead(200, { 'Content-Type': 'application/xml' }).end(file);
    });
    const [port, own] = [inner.port, `127.0.0.1:${stranger.port}`];
    const spellings = [`http://127.0.0.1:${port}/delete-all?confirm=1`, `http://localhost:${port}/x`, `https://127.0.0.1:${port}/x`, `/127.0.0.1:${port}/x`, `/http://127.1:${port}/x`, `/2130706433:${port}/x`, `/.millrace/led/http://127.0.0.1:${port}/x`];
    Object.assign(files, {
      '/sitemap.xml': urlset(`http://${own}/a`, `/${own}/b`, ...spellings),
      '/index.xml': index(`http://${own}/sitemap.xml`, `http://${own}/redirected.xml`, `http://${own}/led.xml`, ...spellings),
      '/redirected.xml': `http://127.0.0.1:${port}/sitemap.xml`,
      '/led.xml': `//localhost:${port}/sitemap.xml`,
    });
    const home = new Home(t);
    const proxy = await home.start('--port', '0', '--log-format', 'off');
    for (const sitemap of [`http://${own}/sitemap.xml`, `/${own}/sitemap.xml`, `/${own}/index.xml`, `http://${own}/index.xml`, `${proxy.url}/${own}/index.xml`]) {
      for (const instance of [[], ['--port', String(proxy.port)]]) {
        const done = await home.run('warm', '--sitemap', sitemap, ...instance, '--json');
        assert.equal(inner.requests.length, 0, sitemap);
        if (instance.length > 0) continue;
        const { urls, leftOut } = JSON.parse(done.stdout) as WarmSummary;
        assert.equal(urls, 2, sitemap);
        assert.ok(leftOut.some(({ why }) => why.startsWith('of another host than its sitemap')));
      }
    }
    for (const file of ['redirected', 'led']) {
      const done = await home.run('warm', '--sitemap', `http://${own}/${file}.xml`);
      assert.match(done.stderr, /it leads to \S+, which is of another host than its sitemap/u);
    }
    assert.equal(inner.requests.length, 0);
  });

  test('cannot fill the terminal with names of hosts', async (t) => {
    const hosts = Array.from({ length: 5000 }, (_, i) => `http://h${i}.example/`);
    await using stranger = await startOrigin((_, response) => void response.end(urlset(...hosts)));
    const home = new Home(t);
    await home.start('--port', '0', '--log-format', 'off');
    const done = await home.run('warm', '--sitemap', `${stranger.url}/s.xml`);
    assert.match(done.stdout, /\n +4990 {2}of more hosts than that of their sitemap\n/u);
    assert.ok(done.stdout.length < 2000);
  });
});

test('a wrong command line is one sentence', async (t) => {
  const home = new Home(t);
  const cases: [string[], number, RegExp][] = [
    [['warm'], 2, /^millrace: millrace warm needs what to fetch: URLs, --sitemap URL or --from ACCESS_LOG\.\n/u],
    [['warm', '/', '--header', 'x'], 2, /^millrace: --header "x" is no header field\./u],
    [['warm', '/', '--concurrency', '0'], 2, /^millrace: --concurrency takes a whole number, from 1 to 1000/u],
    [['warm', '/'], 1, /^millrace: No instance of yours runs\./u],
  ];
  for (const [args, code, stderr] of cases) {
    const done = await home.run(...args);
    assert.equal(done.code, code);
    assert.match(done.stderr, stderr);
  }
  const refused = await home.run('warm', '/a', '--port', '9');
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /failed +1\n +1 {2}the proxy does not answer: \/a\n/u);
});
