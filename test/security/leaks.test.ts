/**
 * What is meant for one client must not reach another: cookies, credentials, fields that a directive
 * keeps back, and what an origin hints at before anybody can know whom the response is for.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ClientResponse, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { type OriginHandler, startOrigin } from '../kit/origin.ts';
import type { Options } from '../../src/config.ts';
import { closing } from '../server/closing.ts';
import { type TestProxy, startProxy } from '../server/start-proxy.ts';

async function setup(handler: OriginHandler, options: Options = {}): Promise<{ proxy: TestProxy; get: (headers?: Record<string, string>, method?: string) => Promise<ClientResponse> }> {
  const origin = closing(await startOrigin(handler));
  const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0, ...options }));
  return { proxy, get: (headers = {}, method = 'GET') => request(`${proxy.url}/`, { headers, method }) };
}

/** Both requests are under way before the origin answers the first one. */
async function together(handler: OriginHandler, first: Record<string, string>, second: Record<string, string>): Promise<[ClientResponse, ClientResponse]> {
  const go = gate();
  const origin = closing(await startOrigin(async (incoming, response, context) => {
    if (context.index === 0) await go.wait;
    await handler(incoming, response, context);
  }));
  const proxy = closing(await startProxy({ origin: origin.url, shutdownTimeout: 0 }));
  const one = request(`${proxy.url}/`, { headers: first });
  await origin.arrived(1);
  const two = request(`${proxy.url}/`, { headers: second });
  // A request of its own tells that the second one has been read, and had its turn.
  await request(`${proxy.url}/health`);
  go.open();
  return Promise.all([one, two]);
}

describe('collapsed requests', () => {
  test('fields that no-cache names are for the client whose request it was', async () => {
    const [leader, follower] = await together(({ headers }, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60, no-cache="x-user"', 'X-User': String(headers['x-name']) });
      response.end('page');
    }, { 'X-Name': 'alice' }, { 'X-Name': 'bob' });
    assert.equal(leader.headers.get('x-user'), 'alice');
    assert.notEqual(follower.headers.get('x-user'), 'alice');
  });

  test('fields that private names are as well', async () => {
    const [leader, follower] = await together(({ headers }, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60, private="x-user"', 'X-User': String(headers['x-name']), 'Set-Cookie': `id=${String(headers['x-name'])}` });
      response.end('page');
    }, { 'X-Name': 'alice' }, { 'X-Name': 'bob' });
    assert.deepEqual([leader.headers.get('x-user'), leader.headers.get('set-cookie')], ['alice', 'id=alice']);
    assert.notEqual(follower.headers.get('x-user'), 'alice');
    assert.notEqual(follower.headers.get('set-cookie'), 'id=alice');
  });

  test('early hints for somebody with a session are not passed to somebody else', async () => {
    const [leader, follower] = await together(({ headers }, response) => {
      response.writeEarlyHints({ link: `</avatar/${headers.cookie!}.jpg>; rel=preload; as=image` });
      response.writeHead(200, { 'Cache-Control': 'private' });
      response.end(headers.cookie);
    }, { Cookie: 'alice' }, { Cookie: 'bob' });
    const hints = ({ informational }: ClientResponse): string => informational.map(({ headers }) => headers.get('link')).join();
    assert.match(hints(leader), /alice/);
    assert.doesNotMatch(hints(follower), /alice/);
    assert.deepEqual([leader.body.toString(), follower.body.toString()], ['alice', 'bob']);
  });

  test('a session that is answered alike to all by mistake is not shared unless the origin says so', async () => {
    const [leader, follower] = await together(({ headers }, response) => void response.end(headers.cookie), { Cookie: 'alice' }, { Cookie: 'bob' });
    assert.deepEqual([leader.body.toString(), follower.body.toString()], ['alice', 'bob']);
  });
});

describe('a validation', () => {
  test('does not store the fields that private names for others', async () => {
    const { get } = await setup(({ headers }, response) => {
      response.setHeader('Cache-Control', `max-age=${headers['if-none-match'] === undefined ? 0 : 60}, private="x-user"`);
      response.writeHead(headers['if-none-match'] === undefined ? 200 : 304, { ETag: '"a"', 'X-User': String(headers['x-name']) });
      response.end();
    });
    await get({ 'X-Name': 'alice' });
    assert.equal((await get({ 'X-Name': 'bob' })).headers.get('x-cache'), 'REVALIDATED');
    const third = await get({ 'X-Name': 'carol' });
    assert.deepEqual([third.headers.get('x-cache'), third.headers.get('x-user')], ['HIT', undefined]);
  });

  test('nor its cookies, and neither does the answer to a HEAD', async () => {
    const { get } = await setup(({ headers, method }, response) => {
      const validated = headers['if-none-match'] !== undefined;
      response.setHeader('Cache-Control', `max-age=${validated || method === 'HEAD' ? 60 : 0}, private="x-user"`);
      response.writeHead(validated ? 304 : 200, { ETag: '"a"', 'Set-Cookie': `id=${String(headers['x-name'])}`, 'X-User': String(headers['x-name']) });
      response.end();
    });
    await get({ 'X-Name': 'alice' });
    await get({ 'X-Name': 'bob', 'Cache-Control': 'no-cache' }, 'HEAD');
    await get({ 'X-Name': 'carol' });
    const last = await get({ 'X-Name': 'dave' });
    assert.deepEqual([last.headers.get('x-cache'), last.headers.get('x-user'), last.headers.get('set-cookie')], ['HIT', undefined, undefined]);
  });

  test('that names a new selecting field does not confirm the response for all values of it', async () => {
    const { get } = await setup(({ headers }, response) => {
      const validates = headers['if-none-match'] !== undefined;
      response.setHeader('ETag', '"a"');
      response.setHeader('Cache-Control', validates ? 'max-age=60' : `max-age=${headers['x-name'] === 'alice' ? 0 : 60}`);
      if (validates || headers['x-name'] !== 'alice') response.setHeader('Vary', 'X-Name');
      response.writeHead(validates && headers['x-name'] === 'alice' ? 304 : 200);
      response.end(headers['x-name']);
    });
    await get({ 'X-Name': 'alice' });
    await get({ 'X-Name': 'alice' });
    assert.equal((await get({ 'X-Name': 'bob' })).body.toString(), 'bob');
  });
});

describe('credentials', () => {
  test('a stated lifetime holds for them too', async () => {
    const { get } = await setup((_, response) => {
      response.setHeader('Cache-Control', 'max-age=60');
      response.end();
    });
    await get({ 'X-Api-Key': 'alice' });
    assert.equal((await get({ 'X-Api-Key': 'bob' })).headers.get('x-cache'), 'HIT');
  });

  test('Authorization is not served what others got, nor the other way round, under --ttl', async () => {
    const { get } = await setup(({ headers }, response) => void response.end(headers.authorization ?? 'nobody'), { ttl: 60 });
    assert.equal((await get({ Authorization: 'Bearer a' })).body.toString(), 'Bearer a');
    assert.equal((await get()).body.toString(), 'nobody');
    assert.equal((await get({ Authorization: 'Bearer b' })).body.toString(), 'Bearer b');
  });

  test('a failing origin does not bring what is stored to somebody it is not for', async () => {
    let failing = false;
    const { get } = await setup(({ headers }, response) => {
      response.writeHead(failing ? 503 : 200, { 'Cache-Control': 'max-age=0, stale-if-error=600', ETag: '"a"' });
      response.end(failing ? 'sorry' : (headers.authorization ?? 'nobody'));
    });
    await get();
    failing = true;
    assert.equal((await get({ Authorization: 'Bearer a' })).status, 503);
    assert.equal((await get()).headers.get('x-cache'), 'STALE');
  });
});
