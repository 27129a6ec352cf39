import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { open, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import type { OriginHandler } from '../kit/origin.ts';
import { Home } from './command.ts';

const page: OriginHandler = (incoming, response) => {
  response.setHeader('Cache-Control', incoming.url === '/private' ? 'no-store' : 'max-age=60');
  response.setHeader('ETag', '"1"');
  response.end(`page ${incoming.url}`);
};

interface LogLine {
  readonly url: string;
  readonly result: string;
  readonly reasons: readonly { readonly code: string }[];
}

test('stands in front of an origin, says so, and logs each request as JSON where nobody watches', async (t) => {
  await using origin = await startOrigin(page);
  const proxy = await new Home(t).start('--port', '0', '--origin', origin.url);
  assert.ok(proxy.stderr().includes(`${proxy.url}/ for ${origin.url}/`), proxy.stderr());
  assert.equal((await request(`${proxy.url}/a`)).body.toString(), 'page /a');
  await request(`${proxy.url}/a`);
  await proxy.wrote('stdout', /HIT/u);
  const lines = proxy.stdout().trimEnd().split('\n').map((line) => JSON.parse(line) as LogLine);
  assert.deepEqual(lines.map(({ url, result, reasons }) => [url, result, reasons[0]?.code]), [['/a', 'MISS', 'not-stored'], ['/a', 'HIT', 'fresh']]);
});

test('fetches /HOST/PATH without --origin, with a stale_time', async (t) => {
  await using origin = await startOrigin(page);
  const { port } = new URL(origin.url);
  const proxy = await new Home(t).start('60', '--port', '0', '--upstream-port', port, '--log-format', 'pretty');
  assert.match(proxy.stderr(), /keeps +everything for 1m/u);
  await proxy.wrote('stderr', /warning: a lifetime of 1m for everything keeps also what responses call private/u);
  for (let i = 0; i < 2; i++) assert.equal((await request(`${proxy.url}/127.0.0.1/private`)).body.toString(), 'page /private');
  await proxy.wrote('stdout', /^\d\d:\d\d:\d\d 200 HIT .* GET \/127\.0\.0\.1\/private\n$/mu);
  assert.equal(origin.requests.length, 1);
});

test('a second process finds it: stats, explain, purge, clear-cache', async (t) => {
  await using origin = await startOrigin(page);
  const home = new Home(t);
  const proxy = await home.start('--port', '0', '--origin', origin.url, '--admin-token', 'secret', '--log-format', 'off');
  for (const path of ['/a', '/a', '/b', '/b/c', '/private']) await request(`${proxy.url}${path}`);

  const stats = await home.run('stats');
  assert.match(stats.stdout, /^requests +5 in /u);
  assert.match(stats.stdout, /^hit ratio +\d+\.\d % \(1 hit, \d miss(?:es)?\)$/mu);
  assert.match(stats.stdout, /^stored +3 objects in .* of 256MB, 0 evicted$/mu);
  assert.match(stats.stdout, /^ +1 {2}a fresh response is stored$/mu);
  const asJson = JSON.parse((await home.run('stats', '--json')).stdout) as { requests: number };
  assert.equal(asJson.requests, 5);

  const hit = await home.run('explain', '/a');
  assert.match(hit.stdout, /\/a\nA GET now would be answered from the cache\.\n {2}because a fresh response is stored/u);
  assert.match(hit.stdout, /^One response is stored:\n {2}200 to GET, 7B, fresh: age \d+s of 1m,/mu);
  assert.match(hit.stdout, /^ {2}ETag: "1"$/mu);
  assert.match(hit.stdout, /^ {2}lifetime: max-age states the lifetime \(Cache-Control: max-age=60\)\n {4}https:\/\/www\.rfc-editor\.org\/rfc\/rfc9111\.html#section-5\.2\.2\.1$/mu);
  const refused = await home.run('explain', '/private');
  assert.match(refused.stdout, /was not stored at .*\n {2}because the response forbids storing \(Cache-Control: no-store\)/u);
  assert.match(refused.stdout, /Nothing is stored\./u);
  const asked = JSON.parse((await home.run('explain', '/a', '--json', '--header', 'Cache-Control: no-cache')).stdout) as { now: { action: string } };
  assert.equal(asked.now.action, 'revalidate');
  const wrongHeader = await home.run('explain', '/a', '--header', 'nonsense');
  assert.deepEqual([wrongHeader.code, wrongHeader.stdout], [1, '']);
  assert.match(wrongHeader.stderr, /^millrace: "nonsense" is no header field\./u);

  assert.equal((await home.run('purge', '--url', '/a')).stdout, 'Purged; 1 stored response was removed.\n');
  assert.equal((await home.run('purge', '/b*')).stdout, 'Purged; 0 stored responses were removed.\nA * is not understood here, it stands for itself. Everything that begins so is purged by --prefix /b\n');
  assert.deepEqual(JSON.parse((await home.run('purge', '--prefix', '/b', '--json')).stdout), { purged: 2 });
  assert.equal((await home.run('--clear-cache')).stdout, 'The cache is empty now; 0 stored responses were removed.\n');
  assert.equal((await request(`${proxy.url}/a`)).headers.get('x-cache'), 'MISS');

  const wrong = await home.run('stats', '--admin-token', 'wrong');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /Authorization field holds no valid token/u);
});

describe('the end', () => {
  test('a signal lets a request in flight finish, and the instance is forgotten', async (t) => {
    const held = gate();
    await using origin = await startOrigin(async (_incoming, response) => {
      response.write('first ');
      await held.wait;
      response.end('last');
    });
    const home = new Home(t);
    const proxy = await home.start('--port', '0', '--origin', origin.url);
    assert.equal(readdirSync(join(home.directory, 'millrace')).length, 1);
    const response = await open(`${proxy.url}/`);
    // Two at once are one press, as npm passes on a Ctrl-C that the terminal has sent already.
    proxy.process.kill('SIGTERM');
    proxy.process.kill('SIGINT');
    await proxy.wrote('stderr', /Stopping; requests in flight have 10s to finish\. Ctrl-C again ends at once\.\n/u);
    held.open();
    assert.equal((await response.finish()).body.toString(), 'first last');
    const done = await proxy.finished;
    assert.equal(done.code, 0);
    assert.match(done.stdout, /"status":200/u);
    assert.deepEqual(readdirSync(join(home.directory, 'millrace')), []);
  });

  test('a second Ctrl-C ends at once', async (t) => {
    const held = gate();
    t.after(held.open);
    await using origin = await startOrigin(async (_incoming, response) => {
      response.write('first ');
      await held.wait;
      response.end();
    });
    const home = new Home(t);
    const proxy = await home.start('--port', '0', '--origin', origin.url);
    const response = await open(`${proxy.url}/`);
    proxy.process.kill('SIGINT');
    await proxy.wrote('stderr', /Stopping/u);
    // What comes right after the first counts as the same press, so it is pressed until it is felt.
    const pressing = setInterval(() => proxy.process.kill('SIGINT'), 50);
    const done = await proxy.finished;
    clearInterval(pressing);
    assert.equal(done.code, 130);
    assert.deepEqual(readdirSync(join(home.directory, 'millrace')), []);
    response.abort();
  });

  test('a reader of the log who leaves does not end it, and it is said once that lines are lost', async (t) => {
    await using origin = await startOrigin(page);
    const proxy = await new Home(t).start('--port', '0', '--origin', origin.url);
    proxy.process.stdout!.destroy();
    const said = proxy.wrote('stderr', /warning: the access log cannot be written any more/u);
    for (let i = 0; i < 3; i++) assert.equal((await request(`${proxy.url}/${i}`)).status, 200);
    await said;
    assert.equal(proxy.process.exitCode, null);
    assert.equal(proxy.stderr().match(/access log/gu)?.length, 1);
  });
});

describe('what goes wrong at the start', () => {
  test('a port that is taken: one sentence, exit code 1', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    t.after(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const home = new Home(t);
    const done = await home.run('--port', String(port));
    assert.deepEqual([done.code, done.stdout], [1, '']);
    assert.match(done.stderr, new RegExp(`^millrace: Port ${port} on 127\\.0\\.0\\.1 is taken by another program\\..*--port.*\\n$`, 'u'));
    assert.ok(!existsSync(join(home.directory, 'millrace')));
  });

  test('an origin that is not there yet is a warning', async (t) => {
    const closed = await startOrigin(page);
    await closed.close();
    const proxy = await new Home(t).start('--port', '0', '--origin', closed.url);
    await proxy.wrote('stderr', /warning: the origin http:\/\/127\.0\.0\.1:\d+ cannot be reached now, .*: 127\.0\.0\.1:\d+ refused the connection\./u);
    assert.equal((await request(`${proxy.url}/`)).status, 502);
  });
});

test('flags win over the configuration file', async (t) => {
  await using origin = await startOrigin(page);
  const home = new Home(t);
  writeFileSync(join(home.directory, 'millrace.config.ts'), `const origin: string = '${origin.url}';\nexport default { origin, port: 'nonsense', cache: false, logFormat: 'off' };\n`);
  const proxy = await home.start('--config', 'millrace.config.ts', '--port', '0');
  assert.match(proxy.stderr(), /keeps +nothing \(--no-cache\)/u);
  assert.equal((await request(`${proxy.url}/a`)).headers.get('x-cache'), 'BYPASS');
});

test('the demo starts, and says what to watch', async (t) => {
  const proxy = await new Home(t).start('demo', '--port', '0');
  await proxy.wrote('stderr', /gallery of 272 pictures/u);
  assert.equal((await request(`${proxy.url}/`)).status, 200);
  await proxy.wrote('stdout', /"url":"\/"/u);
});
