/**
 * @module test/cache/selection
 * What selects a stored response besides the Vary of the response.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ClientResponse, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';
import { startOrigin } from '../kit/origin.ts';
import { startMillrace } from '../kit/proxy.ts';

const told = (response: ClientResponse): string => `${response.headers.get('x-cache')} ${response.body.toString()}`;

describe('a Vary of the request', () => {
  /** As Mercurial asks: arguments in header fields, which a Vary of the request names. */
  const ask = async (url: string, argument: string): Promise<string> => told(await request(url, { headers: { 'X-HgArg-1': argument, Vary: 'X-HgArg-1' } }));

  test('keeps responses apart by the fields it names', async () => {
    await using origin = await startOrigin((message, response) => void response.end(String(message.headers['x-hgarg-1'])));
    await using proxy = await startMillrace({ origin: origin.url });
    const url = `${proxy.url}/?cmd=listkeys`;
    // What is asked without one is none of its responses, and the other way round.
    assert.equal(told(await request(url)), 'MISS undefined');
    for (const expected of ['MISS', 'HIT', 'HIT']) {
      assert.equal(await ask(url, 'namespace=phases'), `${expected} namespace=phases`);
      assert.equal(await ask(url, 'namespace=bookmarks'), `${expected} namespace=bookmarks`);
    }
    assert.equal(told(await request(url)), 'HIT undefined');
    assert.equal(told(await request(url, { headers: { 'X-HgArg-1': 'namespace=phases' } })), 'HIT undefined');
    assert.equal(origin.requests.length, 3);
  });

  test('keeps requests apart that come at once, and collapses those that are alike', async () => {
    const answer = gate();
    await using origin = await startOrigin(async (message, response) => {
      await answer.wait;
      response.end(String(message.headers['x-hgarg-1']));
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const names = ['a', 'b', 'a', 'b', 'a'];
    const responses = Promise.all(names.map((argument) => ask(`${proxy.url}/`, argument)));
    await origin.arrived(2);
    answer.open();
    assert.deepEqual((await responses).map((response) => response.split(' ')[1]), names);
    assert.equal(origin.requests.length, 2);
  });

  test('with "*" is never answered from the cache', async () => {
    await using origin = await startOrigin((_message, response, { index }) => void response.end(String(index)));
    await using proxy = await startMillrace({ origin: origin.url });
    for (const expected of ['MISS 0', 'MISS 1']) assert.equal(told(await request(proxy.url, { headers: { Vary: '*' } })), expected);
  });
});

describe('Content-Encoding without Vary', () => {
  for (const options of [{}, { ttl: 60 }]) {
    test(`a coding goes to nobody who did not ask for it alike, with ${JSON.stringify(options)}`, async () => {
      await using origin = await startOrigin((message, response) => {
        const isCoded = /\bgzip\b(?!;q=0)/.test(message.headers['accept-encoding'] ?? '');
        response.writeHead(200, isCoded ? { 'Content-Encoding': 'gzip' } : {}).end(isCoded ? 'coded' : 'plain');
      });
      await using proxy = await startMillrace({ origin: origin.url, ...options });
      const ask = async (coding?: string): Promise<string> => told(await request(proxy.url, { headers: coding === undefined ? {} : { 'Accept-Encoding': coding } }));
      assert.equal(await ask('gzip'), 'MISS coded');
      assert.equal(await ask('gzip'), 'HIT coded');
      assert.equal(await ask('gzip;q=0'), 'MISS plain');
      assert.match(await ask(), /plain$/);
      assert.match(await ask('gzip;q=0'), /plain$/);
    });
  }

  test('clients that come at once get what they can read', async () => {
    const answer = gate();
    await using origin = await startOrigin(async (message, response, { index }) => {
      if (index === 0) await answer.wait;
      const isCoded = message.headers['accept-encoding'] === 'gzip';
      response.writeHead(200, isCoded ? { 'Content-Encoding': 'gzip' } : {}).end(isCoded ? 'coded' : 'plain');
    });
    await using proxy = await startMillrace({ origin: origin.url });
    const coded = request(proxy.url, { headers: { 'Accept-Encoding': 'gzip' } });
    await origin.arrived(1);
    const plain = request(proxy.url);
    answer.open();
    assert.deepEqual([(await coded).body.toString(), (await plain).body.toString()], ['coded', 'plain']);
  });
});
