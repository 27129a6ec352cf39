import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { MillraceError } from '../errors.ts';
import { problem } from './problem.ts';

const refused = new MillraceError('ERR_CONNECTION_REFUSED', 'The origin a.example:80 refused the connection. Start it, or correct --origin.');
const typeOf = (accept: string | undefined): string | undefined => problem(refused, accept, undefined).fields.get('content-type');

describe('problem', () => {
  test('is problem details in JSON', () => {
    const { status, fields, body } = problem(refused, '*/*', undefined);
    assert.equal(status, 502);
    assert.deepEqual(JSON.parse(body.toString()), {
      type: 'urn:millrace:error:ERR_CONNECTION_REFUSED',
      title: 'Origin refused the connection',
      status: 502,
      // Of an origin's address nothing is told.
      detail: 'Origin refused the connection.',
      code: 'ERR_CONNECTION_REFUSED',
      retryable: true,
    });
    assert.deepEqual([...fields], [
      ['Content-Type', 'application/problem+json'],
      ['Content-Length', String(body.length)],
      ['Cache-Control', 'no-store'],
      ['X-Content-Type-Options', 'nosniff'],
      ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'"],
      ['Proxy-Status', `Millrace;error=connection_refused;details="Origin refused the connection."`],
    ]);
  });

  const preferences: [accept: string | undefined, html: boolean][] = [
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8', true],
    ['image/avif,image/webp,*/*;q=0.8', false],
    ['application/json, text/html', false],
    ['application/json;q=0.9, text/html', true],
    ['application/problem+json, text/html;q=0.9', false],
    ['text/html', true],
    ['TEXT/*', true],
    ['text/html;q=0', false],
    ['text/html;q=0.5, */*', false],
    ['text/*, text/html;q=0, */*;q=0.1', false],
    ['application/*;q=0.2, */*', true],
  ];
  for (const [accept, html] of preferences) {
    test(`is ${html ? 'a page' : 'JSON'} for Accept: ${accept}`, () =>
      assert.equal(typeOf(accept), html ? 'text/html; charset=utf-8' : 'application/problem+json'));
  }

  test('a page says what happened, and nothing in it is markup of others', () => {
    const error = new MillraceError('ERR_HOST_DENIED', 'May not reach <script>alert("1")</script> & \'co\'. Add --allow-host.');
    const html = problem(error, 'text/html', undefined).body.toString();
    assert.match(html, /<h1>Host not allowed<\/h1>/);
    assert.ok(html.includes('May not reach &#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;co&#39;. Add --allow-host.'));
    assert.ok(!html.includes('<script'));
    assert.doesNotMatch(html, /try again/);
    assert.match(problem(refused, 'text/html', undefined).body.toString(), /try again/);
  });

  test('has no Proxy-Status where the kind has none, and a status in any case', () => {
    const { status, fields } = problem(new MillraceError('ERR_CONFIG', 'port: not a number'), undefined, undefined);
    assert.equal(status, 500);
    assert.equal(fields.has('proxy-status'), false);
  });

  test('says what is for the operator to clients on the same machine alone', () => {
    const error = new MillraceError('ERR_HOST_DENIED', 'This proxy may not be used to reach a.example:80.', { forOperator: 'Start it with --allow-host.' });
    const detailFor = (address: string | undefined): string => JSON.parse(problem(error, undefined, address).body.toString()).detail;
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.equal(detailFor(address), error.message);
    for (const address of [undefined, '', 'unknown', '10.0.0.1', '192.0.2.1', '2001:db8::1', '::ffff:10.0.0.1']) assert.equal(detailFor(address), error.publicMessage);
  });

  test('says nothing of a defect', () => {
    const { body, fields } = problem(MillraceError.from(new Error('ENOENT: /srv/inner/file')), undefined, '127.0.0.1');
    assert.doesNotMatch(body.toString() + fields.get('proxy-status'), /ENOENT|inner/);
  });

  test('never throws, and its length and fields are sound', () => {
    const text = anyText();
    fc.assert(
      fc.property(text, fc.oneof(text, fc.constant('text/html')), (message, accept) => {
        const { fields, body } = problem(new MillraceError('ERR_BAD_TARGET', message), accept, undefined);
        assert.equal(fields.get('content-length'), String(body.length));
        for (const [, value] of fields) assert.match(value, /^[ -~]*$/);
      }),
    );
  });
});
