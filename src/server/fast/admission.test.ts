import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Options, resolveConfig } from '../../config.ts';
import { ProxyParts } from '../../proxy.ts';
import { NodeLane } from '../node.ts';
import { Admission } from './admission.ts';
import { PlainHead } from './plain-head.ts';

const FIELDS = ['Host: a.test', 'Host: localhost', 'Accept: */*', 'Accept: text/html', 'accept: */*', 'Cookie: a=b', 'Cookie: c=d', 'Via: 1.1 a', 'X-Forwarded-Host: evil.test', 'X-HTTP-Method-Override: POST', 'Referer: http://localhost/a.test/', 'If-None-Match: "1"', 'X-Long: '.padEnd(5000, 'x')];
const TARGETS = ['/', '/page', '/a.test/page', '/b.test/', '/b.test', '/style.css', '/http://c.test:81/', '/\xff'];

const head = fc.record({ method: fc.constantFrom('GET', 'HEAD'), target: fc.constantFrom(...TARGETS), host: fc.constantFrom('Host: a.test', 'Host: localhost', 'Host: a b'), fields: fc.subarray(FIELDS.filter((field) => !field.startsWith('Host')), { maxLength: 3 }) });

for (const [name, options] of Object.entries<Options>({ 'one origin': { origin: 'http://127.0.0.1:9/base' }, 'its Host kept': { origin: 'http://127.0.0.1:9', preserveHost: true }, 'embedded hosts': {} })) {
  test(`what is remembered of a connection changes nothing: ${name}`, async () => {
    const proxy = new ProxyParts(resolveConfig({ port: 1, cacheDir: undefined, ...options }));
    const general = new NodeLane(proxy, { admin: undefined });
    const plain = new PlainHead({ embedsHosts: true, trustsProxies: false });
    const admit = (admission: Admission, bytes: Buffer): unknown => {
      assert.ok(plain.recognise(bytes, 0, bytes.length));
      const found = admission.admit(plain);
      return found && { request: found.admitted.request, mode: found.admitted.mode, rewrites: found.admitted.rewrite !== undefined, lines: found.message.fields.lines };
    };
    try {
      fc.assert(
        fc.property(fc.array(head, { minLength: 2, maxLength: 12 }), (heads) => {
          const admission = new Admission(general, '192.0.2.1');
          for (const { method, target, host, fields } of heads) {
            const bytes = Buffer.from([`${method} ${target} HTTP/1.1`, host, ...fields, '', ''].join('\r\n'), 'latin1');
            if (!plain.recognise(bytes, 0, bytes.length)) continue;
            assert.deepEqual(admit(admission, bytes), admit(new Admission(general, '192.0.2.1'), bytes));
          }
        }),
      );
    } finally {
      await proxy.close();
    }
  });
}
