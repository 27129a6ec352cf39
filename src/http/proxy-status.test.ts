import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyText } from '../../test/kit/text.ts';
import { type ProxyStatus, formatProxyStatus } from './proxy-status.ts';
import { parseList } from './structured.ts';

const cases: [status: ProxyStatus, text: string][] = [
  [{ error: 'http_protocol_error', details: 'Malformed response header: space before colon' },
    'Millrace;error=http_protocol_error;details="Malformed response header: space before colon"'],
  [{ receivedStatus: 503, nextHop: 'origin.example:8080' }, 'Millrace;next-hop=origin.example:8080;received-status=503'],
  [{ nextHop: '2001:db8::1', error: 'connection_refused' }, 'Millrace;error=connection_refused;next-hop="2001:db8::1"'],
];
for (const [status, text] of cases) test(`writes ${text}`, () => assert.equal(formatProxyStatus(status), text));

test('no text can break out of its parameter', () => {
  const text = anyText();
  fc.assert(
    fc.property(text, text, text, fc.integer(), (error, nextHop, details, receivedStatus) => {
      const list = parseList(formatProxyStatus({ error, nextHop, details, receivedStatus }));
      assert.equal(list?.length, 1);
      assert.deepEqual([...list[0]![1].keys()], ['error', 'next-hop', 'received-status', 'details']);
    }),
  );
});
