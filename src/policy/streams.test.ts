import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldLines, SAFE, STATED, TTL, request, stored } from '../../test/kit/messages.ts';
import type { StoredResponse } from './message.ts';
import { storable } from './storable.ts';
import { asksForEvents, streamSign } from './streams.ts';

const type = (value: string, more: FieldLines = {}): FieldLines => ({ 'Content-Type': value, ...more });
const known: FieldLines = { 'Content-Length': '5' };

describe('a stream', () => {
  const cases: [fields: FieldLines, sign: string][] = [
    ...[
      'text/event-stream', 'application/x-dom-event-stream', 'application/vnd.amazon.eventstream', 'multipart/x-mixed-replace',
      'application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines', 'application/json-seq', 'application/geo+json-seq', 'application/vnd.elasticsearch+x-ndjson', 'text/x-ndjson', 'application/x-ldjson',
      'application/stream+json', 'application/stream+x-jackson-smile',
      'application/grpc', 'application/grpc+proto', 'application/grpc-web', 'application/grpc-web+proto', 'application/grpc-web-text', 'application/grpc-web-text+proto', 'application/connect+json',
      'application/x-mms-framed', 'application/x-rtsp-tunnelled',
    ].map((name): [FieldLines, string] => [type(name, known), `Content-Type: ${name}`]),
    [type(' Text/Event-Stream ; charset=utf-8'), 'Content-Type: text/event-stream'],
    [type('multipart/x-mixed-replace;boundary=frame'), 'Content-Type: multipart/x-mixed-replace'],
    [type('application/json;stream=watch', known), 'Content-Type: application/json, marked as a stream'],
    ...['audio/mpeg', 'video/mp4', 'video/mp2t', 'application/ogg', 'multipart/mixed'].map((name): [FieldLines, string] => [type(name), `Content-Type: ${name}, of unknown length`]),
    [type('application/octet-stream', { 'icy-name': 'radio' }), 'icy-name'],
    [{ 'Icy-MetaInt': '16000' }, 'Icy-MetaInt'],
    [type('text/plain', { 'X-Accel-Buffering': ' No' }), 'X-Accel-Buffering: no'],
  ];
  for (const [fields, sign] of cases) {
    test(JSON.stringify(fields), () => {
      assert.equal(streamSign(stored(fields)), sign);
      const stating = (settings: typeof SAFE, cacheControl: string[]): ReturnType<typeof storable> => storable(request(), stored({ ...fields, ETag: '"a"', 'Cache-Control': cacheControl }), settings);
      for (const settings of [STATED, SAFE, TTL]) {
        assert.deepEqual(stating(settings, []).reasons, [{ code: 'stream', detail: sign }]);
        for (const cacheControl of ['max-age=0', 'max-age=x', 'no-cache', 'no-cache, max-age=60', 'public', 'no-store', 'private']) assert.equal(stating(settings, [cacheControl]).store, false, cacheControl);
        for (const cacheControl of ['max-age=60', 's-maxage=1']) assert.equal(stating(settings, [cacheControl]).store, true, cacheControl);
      }
      assert.equal(stating(TTL, ['max-age=5']).reasons[0]?.code, 'lifetime-ttl');
    });
  }
});

describe('no stream', () => {
  const cases: [fields: FieldLines, changes?: Partial<StoredResponse>][] = [
    [{}],
    ...['text/html', 'application/json', 'application/json; charset=utf-8', 'text/event-streams', 'application/x-protobuf', 'application/vnd.apple.mpegurl', 'application/octet-stream', 'image/jpeg', 'multipart/form-data', 'application/grpc-status'].map((name): [FieldLines] => [type(name)]),
    ...['audio/mpeg', 'video/mp4', 'multipart/mixed; boundary=a'].map((name): [FieldLines] => [type(name, known)]),
    // A part whose end is known.
    [type('video/mp4'), { status: 206, range: { first: 0, last: 1, length: undefined } }],
    [{ 'X-Accel-Buffering': 'yes' }],
    [{ 'X-Note': 'icy-name' }],
    [type('text/plain; title="a stream=b"')],
  ];
  for (const [fields, changes = {}] of cases) {
    test(`${JSON.stringify(fields)} ${changes.status ?? ''}`, () => {
      assert.equal(streamSign(stored(fields, changes)), undefined);
      assert.equal(storable(request(), stored(fields, changes), SAFE).store, true);
    });
  }
});

test('a request for events is told by Accept', () => {
  const asks = (fields: FieldLines): boolean => asksForEvents(request(fields));
  assert.deepEqual([{}, { Accept: 'text/html, */*' }, { Accept: 'text/event-stream' }, { accept: 'application/json, Text/Event-Stream' }].map((fields) => asks(fields as FieldLines)), [false, false, true, true]);
});
