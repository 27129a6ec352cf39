import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MillraceError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { EmbeddedHost } from './embedded-host.ts';
import { HostRules } from './host-rules.ts';
import { OwnPlaces } from './own-places.ts';
import type { Resolution } from './targets.ts';

interface Asked {
  readonly referer?: string;
  readonly host?: string;
  readonly upstreamPort?: number;
  readonly allow?: string[];
}

const own = new OwnPlaces();
own.add({ address: '127.0.0.1', port: 8888 });

function proxy({ upstreamPort = 80, allow = [] }: Asked): EmbeddedHost {
  return new EmbeddedHost({ rules: new HostRules({ patterns: allow, anyByDefault: true, own }), upstreamPort, secret: 'secret' });
}

function resolve(requestTarget: string, asked: Asked = {}): Resolution {
  const fields = Fields.of({ Host: asked.host ?? 'localhost:8888', ...(asked.referer === undefined ? {} : { Referer: asked.referer }) });
  return proxy(asked).resolve({ method: 'GET', requestTarget, fields });
}

/** In short: `scheme://authority path`, or `-> location`. */
function short(requestTarget: string, asked?: Asked): string {
  const resolution = resolve(requestTarget, asked);
  if (resolution.kind === 'redirect') return `-> ${resolution.location}`;
  assert.ok(resolution.kind === 'target');
  return `${resolution.target.scheme}://${resolution.target.authority} ${resolution.target.path}`;
}

const code = (expected: ErrorCode) => (error: unknown): boolean => error instanceof MillraceError && error.code === expected;

describe('a host embedded in the path', () => {
  test('is found in all its forms', () => {
    assert.equal(short('/example.com/a/b?c'), 'http://example.com /a/b?c');
    assert.equal(short('/Example.COM./'), 'http://example.com /');
    assert.equal(short('/example.com:8080/'), 'http://example.com:8080 /');
    assert.equal(short('/https://example.com/x'), 'https://example.com /x');
    assert.equal(short('/https:/example.com/x'), 'https://example.com /x');
    assert.equal(short('/HTTP://example.com//x/../y%2f'), 'http://example.com //x/../y%2f');
    assert.equal(short('/https://example.com:444/'), 'https://example.com:444 /');
    assert.equal(short('/[::1]:80/x'), 'http://[::1] /x');
    assert.equal(short('/localhost/x', { upstreamPort: 8000 }), 'http://localhost:8000 /x');
    assert.equal(short('/https://localhost/x', { upstreamPort: 8000 }), 'https://localhost /x');
    assert.equal(short('/0x7f.1/x'), 'http://127.0.0.1 /x');
  });

  test('without a slash after it is redirected to one', () => {
    assert.equal(short('/example.com'), '-> /example.com/');
    assert.equal(short('/example.com:81?x=/y'), '-> /example.com:81/?x=/y');
    assert.equal(short('/https://example.com'), '-> /https://example.com/');
  });

  test('is refused where it is none', () => {
    for (const target of ['/', '//', '//example.com/', '/?x', '/user@host/', '/%65xample.com/', '/a..b/', '/example.com:0/', '/example.com:x/', '/http:///x', '/~joe/', '/favicon.ico', '/style.css', '/robots.txt?x', '*', 'example.com:80', 'ftp://x/']) {
      assert.throws(() => resolve(target), code('ERR_BAD_TARGET'), target);
    }
    assert.equal(short('/http://style.css/'), 'http://style.css /');
  });

  test('may be refused by rule, or be this proxy itself', () => {
    assert.throws(() => resolve('/example.com/', { allow: ['other.example'] }), code('ERR_HOST_DENIED'));
    assert.throws(() => resolve('http://example.com/', { allow: ['other.example'] }), code('ERR_HOST_DENIED'));
    assert.throws(() => resolve('/example.com', { allow: ['other.example'] }), code('ERR_HOST_DENIED'));
    for (const target of ['/localhost:8888/', '/127.0.0.1:8888/x', '/[::1]:8888/', '/http://2130706433:8888/', 'http://localhost:8888/']) assert.throws(() => resolve(target), code('ERR_LOOP'), target);
  });

  test('is not served to a web page that calls the proxy by its own name', () => {
    for (const host of ['evil.example:8888', 'localhost.evil.example:8888', '']) assert.throws(() => resolve('/example.com/', { host }), code('ERR_HOST_DENIED'), host);
    for (const host of ['127.0.0.1:8888', '[::1]:8888', 'app.localhost:8888', 'LOCALHOST']) assert.equal(short('/example.com/', { host }), 'http://example.com /');
    assert.equal(short('/example.com/', { host: 'proxy.lan:8888', allow: ['example.com'] }), 'http://example.com /');
  });
});

describe('a request from a page under the proxy', () => {
  const referer = 'http://localhost:8888/example.com/dir/page?x#y';

  test('for that page\'s root is redirected below its host', () => {
    assert.equal(short('/style.css', { referer }), '-> /example.com/style.css');
    assert.equal(short('/', { referer }), '-> /example.com/');
    assert.equal(short('/other.example/x?y', { referer }), '-> /example.com/other.example/x?y');
    assert.equal(short('//evil.example/', { referer }), '-> /example.com//evil.example/');
    assert.equal(short('/favicon.ico', { referer: 'http://localhost:8888/https://example.com:444/' }), '-> /https://example.com:444/favicon.ico');
  });

  test('for the page\'s host, or with a scheme, is served', () => {
    assert.equal(short('/example.com/style.css', { referer }), 'http://example.com /style.css');
    assert.equal(short('/example.com:81/', { referer }), 'http://example.com:81 /');
    assert.equal(short('/https://other.example/', { referer }), 'https://other.example /');
  });

  test('is told from one that comes from elsewhere', () => {
    for (const elsewhere of ['http://localhost:8888/', 'http://localhost:9999/example.com/', 'http://evil.example/example.com/', 'http://localhost:8888/style.css', 'nonsense', 'http://localhost:8888']) {
      assert.equal(short('/other.example/', { referer: elsewhere }), 'http://other.example /', elsewhere);
    }
  });
});

describe('a forward-proxy request', () => {
  test('goes where its URL says', () => {
    const asked = { host: 'example.com', upstreamPort: 8000 };
    assert.equal(short('http://Example.com/a?b', asked), 'http://example.com /a?b');
    assert.equal(short('http://example.com:81?b', asked), 'http://example.com:81 /?b');
    assert.equal(short('https://example.com', asked), 'https://example.com /');
    const resolution = resolve('http://example.com/', asked);
    assert.ok(resolution.kind === 'target' && resolution.mode === 'forward' && resolution.rewrite === undefined);
    assert.throws(() => resolve('http://user@example.com/', asked), code('ERR_BAD_TARGET'));
  });

  test('CONNECT needs a port and keeps the rules', () => {
    assert.deepEqual(proxy({}).resolveConnect('Example.com:443'), { host: 'example.com', port: 443 });
    for (const target of ['example.com', '', 'example.com:443/', 'http://x:1']) assert.throws(() => proxy({}).resolveConnect(target), code('ERR_BAD_TARGET'), target);
    assert.throws(() => proxy({ allow: ['a.example'] }).resolveConnect('b.example:443'), code('ERR_HOST_DENIED'));
    assert.throws(() => proxy({}).resolveConnect('localhost:8888'), code('ERR_LOOP'));
  });
});

test('whatever is asked, only a host that stands in the request is reached', () => {
  const piece = fc.constantFrom('/', '//', 'a.example', 'b.example', ':', ':80', '@', '%2f', '.', '..', '?', '#', '\\', 'http:', 'https://', '[', '::1', ']', '127.1', ' ', '\t', '%', 'x');
  const target = fc.oneof(fc.array(piece, { maxLength: 10 }).map((pieces) => `/${pieces.join('')}`), fc.array(piece, { maxLength: 10 }).map((pieces) => `http://${pieces.join('')}`), fc.string());
  const referer = fc.option(fc.array(piece, { maxLength: 6 }).map((pieces) => `http://localhost:8888/${pieces.join('')}`), { nil: undefined });
  fc.assert(
    fc.property(target, referer, (requestTarget, from) => {
      let resolution: Resolution;
      try {
        resolution = resolve(requestTarget, from === undefined ? {} : { referer: from });
      } catch (error) {
        assert.ok(error instanceof MillraceError && ['ERR_BAD_TARGET', 'ERR_HOST_DENIED', 'ERR_LOOP'].includes(error.code), String(error));
        return;
      }
      if (resolution.kind === 'redirect') {
        // Never to another site.
        assert.match(resolution.location, /^\/[^/\\]/);
        assert.equal(new URL(resolution.location, 'http://localhost:8888').origin, 'http://localhost:8888');
        return;
      }
      assert.ok(resolution.kind === 'target');
      const { host, path } = resolution.target;
      // The host is what stands between the first slash, or the scheme, and the next one.
      const spelled = /^\/?https?:\/{1,2}/i.test(requestTarget) ? requestTarget.replace(/^\/?https?:\/{1,2}/i, '') : requestTarget.slice(1);
      assert.equal(new URL(`http://${spelled.split(/[/?]/)[0]!}`).hostname.replace(/^\[|\]$|\.$/g, ''), host, requestTarget);
      assert.ok(path.startsWith('/') && requestTarget.includes(path.slice(1)));
    }),
    { numRuns: 3000 },
  );
});

describe('a response on its way to a browser', () => {
  function rewritten(requestTarget: string, fields: Record<string, string | string[]>, upstreamPort = 80): string[] {
    const resolution = resolve(requestTarget, { upstreamPort });
    assert.ok(resolution.kind === 'target');
    const response = Fields.of(fields);
    resolution.rewrite!(response);
    return response.lines.filter((_, i) => i % 2 === 1);
  }

  test('keeps its references inside the proxy', () => {
    for (const [location, expected] of [
      ['/x?y#z', '/example.com/x?y#z'],
      ['http://example.com/x', '/example.com/x'],
      ['http://EXAMPLE.com:80', '/example.com/'],
      ['//example.com/x', '/example.com/x'],
      ['https://example.com/x', '/https://example.com/x'],
      ['http://other.example:8080?q', '/http://other.example:8080/?q'],
      ['next', 'next'],
      ['?page=2', '?page=2'],
      ['../../x', '/example.com/x'],
      // As a browser reads them, each would climb over the prefix.
      ['/../127.0.0.1/x', '/example.com/127.0.0.1/x'],
      ['/..\\127.0.0.1/x', '/example.com/127.0.0.1/x'],
      ['/.\t./127.0.0.1/x', '/example.com/127.0.0.1/x'],
      ['/%2E./127.0.0.1/x', '/example.com/127.0.0.1/x'],
      ['http:/127.0.0.1/x', '/example.com/127.0.0.1/x'],
      ['http:127.0.0.1/x', '/example.com/a/127.0.0.1/x'],
      ['http://example.com/../127.0.0.1/x', '/example.com/127.0.0.1/x'],
      ['http:\\\\127.0.0.1\\x', '/.millrace/led/http://127.0.0.1/x'],
      ['//127.1/x', '/.millrace/led/http://127.0.0.1/x'],
      ['%2e%2e/%2e%2e/x', '/example.com/x'],
      ['mailto:a@b..c', 'mailto:a@b..c'],
      ['http://user@example.com/', 'http://user@example.com/'],
    ] as const) {
      assert.deepEqual(rewritten('/example.com/a/b', { Location: location, 'Content-Location': location }), [expected, expected], location);
    }
    assert.deepEqual(rewritten('/https://example.com/', { Location: '/x' }), ['/https://example.com/x']);
    assert.deepEqual(rewritten('/localhost/', { Location: 'http://localhost:8000/x' }, 8000), ['/localhost/x']);
    assert.deepEqual(rewritten('/localhost/', { Location: 'http://localhost/x' }, 8000), ['/.millrace/led/http://localhost:80/x']);
    assert.deepEqual(rewritten('/localhost/', { Location: 'http://other.example:8000/x' }, 8000), ['/http://other.example/x']);
  });

  test('keeps its cookies to its host', () => {
    assert.deepEqual(rewritten('/example.com/a/b', { 'Set-Cookie': ['a=1; Domain=example.com; Path=/; Secure', 'b=/x; path = /deep; HttpOnly; DOMAIN=.com', 'c=domain=x', 'd=1;Domain'] }).map((line) => line.replace(/=[\w-]{22}/, '=SEAL')), [
      'millrace~http~example.com~80~a=SEAL1; Path=/example.com/; Secure',
      'millrace~http~example.com~80~b=SEAL/x; path = /example.com/deep; HttpOnly',
      'millrace~http~example.com~80~c=SEALdomain=x',
      'millrace~http~example.com~80~d=SEAL1',
    ]);
  });
});
