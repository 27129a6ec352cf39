import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MillraceError } from '../errors.ts';
import { readPurge } from './purge-request.ts';

describe('what a purge request asks for', () => {
  const good: [body: string, type: string | undefined, purge: object][] = [
    ['url=/a%3Fb', 'application/x-www-form-urlencoded', { url: '/a?b', soft: false }],
    ['prefix=http://localhost:8080/img/', undefined, { prefix: 'http://localhost:8080/img/', soft: false }],
    ['all=true', undefined, { all: true, soft: false }],
    ['all', undefined, { all: true, soft: false }],
    ['all=true\n', 'text/plain', { all: true, soft: false }],
    ['{"url": "/a"}', 'application/json; charset=utf-8', { url: '/a', soft: false }],
    ['host=example.com&soft=true', undefined, { host: 'example.com', soft: true }],
    ['soft&tag=news', undefined, { tag: 'news', soft: true }],
    ['{"tag": "news", "soft": true}', 'application/json', { tag: 'news', soft: true }],
    ['{"prefix": "/a", "soft": false}', 'application/json', { prefix: '/a', soft: false }],
    // curl calls whatever it sends a form.
    [' {"all": true}', 'application/x-www-form-urlencoded', { all: true, soft: false }],
  ];
  for (const [body, type, purge] of good) test(body, () => assert.deepEqual(readPurge(body, type), purge));
});

describe('what it cannot ask for', () => {
  for (const body of ['', 'url=', 'url=/a&prefix=/b', 'url=/a&url=/b', 'every=thing', 'all=false', 'soft=true', 'tag=a&soft=yes', '{"tag":"a","soft":1}', 'host=', '{"host":1}', 'all=1', '{', '[]', '[1]', '"all"', '{"url":1}', '{"all":false}', '{"url":"/a","all":true}', '{}']) {
    test(JSON.stringify(body), () => assert.throws(() => readPurge(body, undefined), { code: 'ERR_ADMIN_INPUT', message: /Send one of .*url=/ }));
  }

  test('no text makes it fail in another way', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.option(fc.constantFrom('application/json', 'text/plain'), { nil: undefined }), (body, type) => {
        try {
          readPurge(body, type);
        } catch (error) {
          assert.ok(error instanceof MillraceError);
        }
      }),
    );
  });
});
