/**
 * Embedded-host mode: web pages cannot use the proxy through a browser. The requests are those that a
 * browser sends, on each lane; test/browser/embedded.test.ts has the pages that make it send them.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WHOLE_ORIGIN_FIELDS } from '../../src/origin/whole-origin-fields.ts';
import { type ClientResponse, rawRequest, request } from '../kit/client.ts';
import { Http2Client } from '../kit/http2-client.ts';
import { type OriginHandler, type TestOrigin, startOrigin } from '../kit/origin.ts';
import { closing } from '../server/closing.ts';
import { startProxy } from '../server/start-proxy.ts';

type Headers = Record<string, string>;
interface Lane {
  readonly origin: TestOrigin;
  /** host:port of the proxy, and of the origin. */
  readonly own: string;
  readonly inner: string;
  readonly ask: (path: string, headers?: Headers, method?: string) => Promise<ClientResponse>;
}

const LANES = ['fast', 'general', 'HTTP/2'] as const;

async function open(lane: (typeof LANES)[number], handler: OriginHandler = (_, response) => void response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=60' }).end('secret')): Promise<Lane> {
  const origin = closing(await startOrigin(handler));
  const proxy = closing(await startProxy({ fastLane: lane !== 'general' }));
  const own = `127.0.0.1:${proxy.port}`;
  const client = lane === 'HTTP/2' ? await Http2Client.connect(proxy.url) : undefined;
  if (client !== undefined) closing({ close: async () => client[Symbol.asyncDispose]() });
  const ask: Lane['ask'] = (path, headers = {}, method = 'GET') => client?.request(path, { headers, method }) ?? request(`http://${own}`, { target: path, headers, method });
  return { origin, own, inner: `127.0.0.1:${origin.port}`, ask };
}

const TOP: Headers = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', 'Sec-Fetch-User': '?1' };
const FRAME: Headers = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' };
const FETCH: Headers = { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' };
const IMAGE: Headers = { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' };
const from = (site: string, kind: Headers, more: Headers = {}): Headers => ({ 'Sec-Fetch-Site': site, ...kind, ...more });

/** What a browser would send back. */
function cookieOf(response: ClientResponse): string {
  return response.headers.all('set-cookie').map((line) => line.split(';', 1)[0]!).join('; ');
}

function linkOf(response: ClientResponse): string {
  return /href="(\/\.millrace\/go\/[^"]+)"/.exec(response.body.toString())![1]!;
}

for (const lane of LANES) {
  describe(`on the ${lane} lane`, () => {
    test('another site gets a page that asks, or 403, and never the content', async () => {
      const { ask, inner, origin } = await open(lane);
      // It is in the cache, and has a prepared answer.
      for (let i = 0; i < 3; i++) assert.equal((await ask(`/${inner}/x`)).body.toString(), 'secret');
      const seen = origin.requests.length;
      for (const site of ['cross-site', 'same-site', 'something-new']) {
        const asked = await ask(`/${inner}/x`, from(site, TOP));
        assert.equal(asked.status, 403);
        assert.match(linkOf(asked), /^\/\.millrace\/go\/[\w-]{22}\/127/);
        assert.doesNotMatch(asked.body.toString(), /secret/);
        assert.match(asked.headers.get('content-security-policy')!, /^sandbox [^]*frame-ancestors 'none'/);
        assert.equal(asked.headers.get('x-frame-options'), 'DENY');
        assert.equal(asked.headers.get('cache-control'), 'no-store');
        for (const [headers, method] of [[FRAME], [FETCH], [IMAGE], [TOP, 'POST'], [{}], [{ ...TOP, 'Sec-Fetch-Dest': 'embed' }]] as const) {
          const refused = await ask(`/${inner}/x`, from(site, headers), method);
          assert.equal(refused.status, 403);
          assert.match(refused.body.toString(), /ERR_CROSS_SITE/);
        }
      }
      assert.equal(origin.requests.length, seen);
    });

    test('a program, an old browser and a user who types get it', async () => {
      const { ask, inner } = await open(lane);
      for (const headers of [{}, { Referer: 'http://evil.example/' }, { Origin: 'http://evil.example' }, from('none', TOP)]) {
        assert.equal((await ask(`/${inner}/x`, headers)).status, 200, JSON.stringify(headers));
      }
    });

    test('the link of the page leads there, and to nowhere else', async () => {
      const { ask, inner, own } = await open(lane);
      const link = linkOf(await ask(`/${inner}/x?a="'&b`, from('cross-site', TOP))).replaceAll('&#34;', '"').replaceAll('&#39;', "'").replaceAll('&#38;', '&');
      const went = await ask(link, from('cross-site', TOP));
      assert.equal(went.status, 200);
      assert.match(went.body.toString(), /http-equiv="refresh"/);
      // What the page does is same-origin, and tells no Referer.
      assert.equal((await ask(`/${inner}/x`, from('same-origin', TOP, { Cookie: cookieOf(went) }))).body.toString(), 'secret');
      assert.equal((await ask(`/${inner}/x`, from('same-origin', FETCH, { Cookie: cookieOf(went), Referer: `http://${own}/${inner}/x` }))).body.toString(), 'secret');
      for (const forged of [link.replace('/x?', '/y?'), link.replace(/go\/./, 'go/~'), '/.millrace/go/', `/.millrace/go//${inner}/`, '/.millrace/go']) assert.equal((await ask(forged, from('same-origin', FETCH))).status, 400, forged);
    });

    test('a page of another host gets nothing of a private one, however it spells it and whatever Referer it makes up', async () => {
      const { ask, inner, origin, own } = await open(lane);
      await ask(`/${inner}/x`);
      const seen = origin.requests.length;
      for (const path of [`/${inner}/x`, `/http://${inner}/x`, `/http:/${inner}/x`, `/2130706433:${origin.port}/x`, `/localhost:${origin.port}/x`, `/.millrace/led/http://${inner}/x`]) {
        for (const kind of [FETCH, IMAGE, FRAME, TOP]) {
          for (const referer of [undefined, `http://${own}/evil.example/p`, `http://${own}/${inner}/`, `http://${own}${path}`, `http://${own}/`]) {
            const refused = await ask(path, from('same-origin', kind, referer === undefined ? {} : { Referer: referer }));
            if (refused.status === 307) assert.match(refused.headers.get('location')!, /^\/(evil\.example|127\.0\.0\.1:\d+|http:|2130706433|localhost|\.millrace)/);
            else assert.equal(refused.status, 403, `${path} ${referer}`);
            assert.doesNotMatch(refused.body.toString(), /secret/);
          }
        }
      }
      assert.equal(origin.requests.length, seen);
    });

    test('a private host that was opened loads what is its own, and others still get nothing of it', async () => {
      const { ask, inner, own } = await open(lane);
      const opened = await ask(`/${inner}/`, from('none', TOP));
      assert.equal(opened.status, 200);
      const Cookie = cookieOf(opened);
      assert.match(opened.headers.all('set-cookie')[0]!, /; HttpOnly; SameSite=Lax$/);
      const page = `http://${own}/${inner}/`;
      for (const kind of [FETCH, IMAGE, FRAME, TOP]) assert.equal((await ask(`/${inner}/x`, from('same-origin', kind, { Cookie, Referer: page }))).status, 200);
      const style = await ask('/style.css', from('same-origin', IMAGE, { Cookie, Referer: page }));
      assert.equal(style.headers.get('location'), `/${inner}/style.css`);
      for (const referer of [{}, { Referer: `http://${own}/evil.example/` }, { Referer: `http://${own}/127.0.0.1:1/` }] as Headers[]) {
        for (const kind of [FETCH, IMAGE, FRAME]) assert.equal((await ask(`/http://${inner}/x`, from('same-origin', kind, { Cookie, ...referer }))).status, 403, JSON.stringify(referer));
      }
      // Opened in this browser, not in another one.
      assert.equal((await ask(`/${inner}/x`, from('same-origin', FETCH, { Referer: page }))).status, 403);
    });

    test('a redirect of another host does not open a private one', async () => {
      const { ask, inner, origin, own } = await open(lane, (message, response) => {
        if (message.url === '/led') response.writeHead(302, { Location: `http://localhost:${origin.port}/x` }).end();
        else response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('secret');
      });
      const location = (await ask(`/${inner}/led`, from('none', TOP))).headers.get('location')!;
      assert.equal(location, `/.millrace/led/http://localhost:${origin.port}/x`);
      // A browser still says that its user typed it.
      const asked = await ask(location, from('none', TOP));
      assert.equal(asked.status, 403);
      assert.deepEqual(asked.headers.all('set-cookie'), []);
      const Cookie = cookieOf(await ask(linkOf(asked), from('cross-site', TOP)));
      assert.equal((await ask(location, from('none', TOP, { Cookie }))).headers.get('location'), `/http://localhost:${origin.port}/x`);
      assert.equal((await ask(location, from('same-origin', IMAGE, { Referer: `http://${own}/${inner}/` }))).status, 403);
      // A program follows it.
      assert.equal((await ask(location)).body.toString(), 'secret');
    });

    test('no service worker is installed', async () => {
      const { ask, inner, own } = await open(lane);
      const Cookie = cookieOf(await ask(`/${inner}/`, from('none', TOP)));
      for (let i = 0; i < 3; i++) await ask(`/${inner}/sw.js`);
      for (const more of [{ 'Service-Worker': 'script' }, { 'Sec-Fetch-Dest': 'serviceworker' }] as Headers[]) {
        const refused = await ask(`/${inner}/sw.js`, from('same-origin', { 'Sec-Fetch-Mode': 'same-origin' }, { Cookie, Referer: `http://${own}/${inner}/`, ...more }));
        assert.equal(refused.status, 403);
      }
      assert.equal((await ask(`/${inner}/sw.js`, { 'Service-Worker': 'script' })).status, 403);
    });

    test('a host gets the cookies that it set, and none of another port, or made up by a page', async () => {
      const { ask, inner, origin } = await open(lane, (_, response) => void response.writeHead(200, { 'Set-Cookie': ['sid=1; Path=/; HttpOnly', 'a=2; Path=/x'] }).end());
      const { port } = origin;
      const cookies = cookieOf(await ask(`/${inner}/`));
      const name = `millrace~http~127.0.0.1~${port}~`;
      for (const sent of [`devsession=SECRET; ${cookies}; plain=x`, `${cookies}; ${name}sid=evil; ${name}b=${'A'.repeat(22)}c`]) {
        await ask(`/${inner}/x`, { Cookie: sent });
        assert.equal(origin.requests.at(-1)!.headers.get('cookie'), 'sid=1; a=2');
      }
      await ask(`/${inner}/x`, { Cookie: 'devsession=SECRET; plain=x' });
      assert.equal(origin.requests.at(-1)!.headers.get('cookie'), undefined);
      await ask(`/localhost:${port}/x`, { Cookie: cookies });
      assert.equal(origin.requests.at(-1)!.headers.get('cookie'), undefined);
    });

    test('no field speaks for the whole web origin, also from the cache', async () => {
      const { ask, inner } = await open(lane, (_, response) => void response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Referrer-Policy': 'no-referrer', ...Object.fromEntries(WHOLE_ORIGIN_FIELDS.map((name) => [name, '?1'])) }).end('x'));
      for (let i = 0; i < 3; i++) {
        const { headers } = await ask(`/${inner}/`);
        for (const name of WHOLE_ORIGIN_FIELDS) assert.equal(headers.get(name), undefined, name);
        // Without it a page's own requests could not be told from those of others.
        assert.equal(headers.get('referrer-policy'), 'same-origin');
      }
    });
  });
}

describe('a WebSocket', () => {
  const upgrade = async (own: string, inner: string, fields: string): Promise<string> => (await rawRequest(Number(own.split(':')[1]), `GET /${inner}/ws HTTP/1.1\r\nHost: ${own}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`)).toString('latin1');

  test('of another site, or of a page when the user has not opened the host, is refused', async () => {
    const { ask, own, inner, origin } = await open('fast');
    origin.server.on('upgrade', (_, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'));
    const Cookie = `Cookie: ${cookieOf(await ask(`/${inner}/`, from('none', TOP)))}\r\n`;
    assert.match(await upgrade(own, inner, ''), /^HTTP\/1\.1 101 /);
    assert.match(await upgrade(own, inner, `Origin: http://${own}\r\n${Cookie}`), /^HTTP\/1\.1 101 /);
    for (const fields of [`Origin: http://${own}\r\n`, `Origin: http://evil.example\r\n${Cookie}`, `Origin: null\r\n${Cookie}`, `Origin: http://${own}\r\nSec-Fetch-Site: cross-site\r\n${Cookie}`]) {
      assert.match(await upgrade(own, inner, fields), /^HTTP\/1\.1 403 [^]*ERR_CROSS_SITE/, fields);
    }
  });
});
