/**
 * The plain client: the same responses, whole or cut anywhere, right or wrong, through it and
 * through llhttp; its connections and when they are used again.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { BodySink, OriginRequest } from '../../src/cache/ports.ts';
import { MillraceError } from '../../src/errors.ts';
import { Fields } from '../../src/http/fields.ts';
import { OriginClient } from '../../src/origin/client.ts';
import { HostRules } from '../../src/origin/host-rules.ts';
import { makeTarget } from '../../src/origin/targets.ts';
import { gate } from '../kit/gate.ts';
import { startRawOrigin } from '../kit/origin.ts';
import type { RawOrigin } from '../kit/origin.ts';
import { SEED, rounds } from '../kit/random.ts';
import type { RawConnection } from '../kit/raw-connection.ts';
import { until } from '../kit/until.ts';

function client(t: TestContext): OriginClient {
  const made = new OriginClient({ addresses: new HostRules({ patterns: [], anyByDefault: true }), connectTimeout: 10, originTimeout: 30, maxResponseFields: 200, maxOriginConnections: 1000 });
  t.after(() => made.close());
  return made;
}

async function raw(t: TestContext, handler: string | ((connection: RawConnection, request: Buffer) => void | Promise<void>)): Promise<RawOrigin> {
  const started = await startRawOrigin(typeof handler === 'string' ? (connection) => connection.send(handler) : handler);
  t.after(() => started.close());
  return started;
}

function request(to: { readonly port: number }, parts: Partial<OriginRequest> = {}): OriginRequest {
  const target = makeTarget('http', '127.0.0.1', to.port, '/');
  return { method: 'GET', target, fields: Fields.of({ Host: target.authority }), body: undefined, signal: new AbortController().signal, ...parts };
}

/** What goes over undici, and over node:http. */
const overUndici = (to: { readonly port: number }, parts: Partial<OriginRequest> = {}): OriginRequest =>
  request(to, { fields: Fields.of({ Host: `127.0.0.1:${to.port}`, 'Proxy-Authorization': 'x' }), ...parts });
const overNode = (to: { readonly port: number }, parts: Partial<OriginRequest> = {}): OriginRequest => request(to, { trailers: () => undefined, ...parts });

/** All that can be told of an answer. */
interface Told {
  readonly status?: number;
  readonly httpVersion?: string;
  readonly lines?: string[];
  readonly interim: [status: number, lines: string[]][];
  readonly body?: string;
  readonly trailers?: string[] | undefined;
  readonly error?: string;
}

async function tell(origins: OriginClient, asked: OriginRequest): Promise<Told> {
  const interim: [number, string[]][] = [];
  try {
    const response = await origins.fetch({ ...asked, onInformational: (status, fields) => void interim.push([status, fields.lines]) });
    const head = { status: response.status, httpVersion: response.httpVersion, lines: response.fields.lines, interim };
    const chunks: Buffer[] = [];
    return await new Promise((resolve) => {
      response.body.pipe({
        data: (chunk) => chunks.push(chunk) > 0,
        end: (trailers) => resolve({ ...head, body: Buffer.concat(chunks).toString('latin1'), trailers: trailers?.lines }),
        error: (error) => resolve({ ...head, body: Buffer.concat(chunks).toString('latin1'), error: codeOf(error) }),
      });
    });
  } catch (error) {
    return { interim, error: codeOf(error) };
  }
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof MillraceError, String(error));
  return error.code;
}

/** Until what was sent has arrived and is read. */
async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

const RIGHT: [name: string, response: string][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 05:43:13 GMT\r\nContent-Length: 5\r\nX-a:\t caf\xe9 \t\r\nx-A: \r\n\r\nhello'],
  ['no content', 'HTTP/1.1 204 No Content\r\nETag: "a"\r\n\r\n'],
  ['an empty body', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'],
  ['a 304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00A\r\n, world at\r\n0\r\n\r\n'],
  ['chunks with extensions', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b;c="d"\r\nhello\r\n1\r\n!\r\n0;e\r\n\r\n'],
  ['trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n'],
  ['interim responses', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-b\r\nX-b: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['fields of the connection', 'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-b,cache-control\r\nX-b: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nCache-Control: no-store\r\nProxy-Authenticate: x\r\nContent-Length: 2\r\n\r\nok'],
  ['the end of the connection', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
  ['no reason phrase', 'HTTP/1.1 599 \r\nContent-Length: 2\r\n\r\nok'],
  ['a status beyond 599', 'HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok'],
  ['many fields', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(70)}Content-Length: 2\r\n\r\nok`],
];

describe('a response with', () => {
  for (const [name, text] of RIGHT) {
    test(`${name}: cut anywhere it is the same, and as llhttp reads it`, async (t) => {
      let cut = 0;
      const server = await raw(t, async (connection) => {
        await connection.send(text.slice(0, cut));
        if (cut > 0) await turns();
        await connection.send(text.slice(cut));
      });
      const origins = client(t);
      const expected = await tell(origins, overNode(server));
      assert.equal(expected.error, undefined);
      for (cut = 0; cut < text.length; cut++) assert.deepEqual(await tell(origins, request(server)), expected, `cut at ${cut}`);
    });
  }

  test('every byte in a packet of its own is the same', async (t) => {
    for (const [name, text] of RIGHT) {
      const server = await raw(t, async (connection) => {
        for (const byte of text) {
          await connection.send(byte);
          await turns(1);
        }
      });
      const origins = client(t);
      assert.deepEqual(await tell(origins, request(server)), await tell(origins, overNode(server)), name);
    }
  });

  test('a body of which a HEAD knows only the length, or chunks, ends with its head', async (t) => {
    for (const framing of ['Content-Length: 500', 'Transfer-Encoding: chunked', 'X: y']) {
      const server = await raw(t, `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
      const origins = client(t);
      const told = await tell(origins, request(server, { method: 'HEAD' }));
      assert.equal(told.body, '');
      assert.deepEqual(told, await tell(origins, overNode(server, { method: 'HEAD' })));
    }
  });

  test('a large body comes whole, in large and small pieces, on connections used by turns', async (t) => {
    const body = Buffer.alloc(1_500_000, 'abcdefghijklmnopqrstuvwxyz');
    const sizes = [400_000, 1, 70_000, 30_000, 200, 600_000, 40_000];
    const server = await raw(t, async (connection) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      for (let at = 0, i = 0; at < body.length; i++) {
        const end = at + sizes[i % sizes.length]!;
        await connection.send(body.subarray(at, end));
        await turns(1);
        at = end;
      }
    });
    const origins = client(t);
    const small = await raw(t, RIGHT[0]![1]);
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all([tell(origins, request(server)), tell(origins, request(small)), tell(origins, request(server)), tell(origins, request(small))]);
      for (const [i, told] of all.entries()) assert.ok(told.body === (i % 2 === 0 ? body.toString() : 'hello'), `round ${round}, answer ${i}`);
    }
    assert.equal(server.connections, 2);
  });

  for (const framing of ['a length', 'chunks']) {
    test(`a large body with ${framing} comes in the same memory again and again, where that is given back`, async (t) => {
      const piece = Buffer.from(new Uint32Array(100_000).map((_, i) => i).buffer);
      const [head, before, after, last] = framing === 'chunks' ? ['Transfer-Encoding: chunked', `${piece.length.toString(16)}\r\n`, '\r\n', '0\r\n\r\n'] : [`Content-Length: ${20 * piece.length}`, '', '', ''];
      const server = await raw(t, async (connection) => {
        await connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
        for (let i = 0; i < 20; i++) await connection.send(Buffer.concat([Buffer.from(before), piece, Buffer.from(after)]));
        await connection.send(last);
      });
      const { body } = await client(t).fetch(request(server));
      const got: Buffer[] = [];
      const memory = new Set<unknown>();
      await new Promise<void>((resolve, reject) => {
        body.pipe({
          data: (chunk) => {
            got.push(Buffer.from(chunk));
            if (chunk.length >= 32 * 1024) memory.add(chunk.buffer);
            body.giveBack(chunk);
            // As a client does that takes it slowly.
            setImmediate(() => body.resume());
            return false;
          },
          end: () => resolve(),
          error: reject,
        });
      });
      assert.ok(Buffer.concat(got).equals(Buffer.concat(Array<Buffer>(20).fill(piece))));
      assert.ok(memory.size > 0 && memory.size < got.length / 4, `${got.length} chunks in ${memory.size} buffers`);
    });
  }
});

/** Sent, and then the connection closed. */
async function differ(t: TestContext): Promise<(bytes: Buffer, cut: number) => Promise<{ plain: Told; others: Told[] }>> {
  let answer: [Buffer, number] = [Buffer.alloc(0), 0];
  const server = await raw(t, async (connection) => {
    const [bytes, cut] = answer;
    if (cut > 0) {
      await connection.send(bytes.subarray(0, cut));
      await turns();
    }
    await connection.send(bytes.subarray(cut));
    connection.end();
  });
  const origins = client(t);
  return async (bytes, cut) => {
    answer = [bytes, cut];
    const plain = await tell(origins, request(server));
    return { plain, others: [await tell(origins, overUndici(server)), await tell(origins, overNode(server))] };
  };
}

/** undici and node:http do not always tell the same; the plain client tells what one of them does. */
function assertOneOf(plain: Told, others: Told[], response: string): void {
  // How much of a broken body came through before the break is a matter of chance.
  const comparable = (told: Told): Told => (told.error === undefined ? told : { interim: told.interim, error: told.error, ...(told.status !== undefined && { status: told.status }) });
  const wanted = others.map((each) => JSON.stringify(comparable(each)));
  assert.ok(wanted.includes(JSON.stringify(comparable(plain))), `${JSON.stringify(response.slice(0, 300))}\nplain: ${JSON.stringify(comparable(plain))}\nothers: ${wanted.join('\n        ')}`);
}

test('a wrong response fails as it does with llhttp', async (t) => {
  const compare = await differ(t);
  const heads = [
    'Content-Length: 2\r\nContent-Length: 2', 'Content-Length: 2\r\nContent-Length: 3', 'Content-Length: 2, 2', 'Content-Length: +2', 'Content-Length: 0x2', 'Content-Length: ', `Content-Length: ${'9'.repeat(30)}`, 'Content-Length: 2 2',
    'Content-Length: 2\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: xchunked', 'Transfer-Encoding: ',
    'Content-Length : 2', ' Content-Length: 2', 'X: a\r\n Content-Length: 2', 'X: a\nContent-Length: 2', 'X: a\rContent-Length: 2', 'X: a\0\r\nContent-Length: 2', 'X: a\x7f\r\nContent-Length: 2', ': a\r\nContent-Length: 2', 'nonsense\r\nContent-Length: 2',
    'X y: a\r\nContent-Length: 2', 'X\xe9: a\r\nContent-Length: 2', 'Connection: a b\r\nContent-Length: 2', 'Connection: ,close,\r\nContent-Length: 2', 'Content-Length: 20', 'Content-Length: 1', `X: ${'a'.repeat(20_000)}\r\nContent-Length: 2`, `X: ${'a'.repeat(70_000)}\r\nContent-Length: 2`,
  ];
  const responses = [
    ...heads.flatMap((lines) => [`HTTP/1.1 200 OK\r\n${lines}\r\n\r\nok`, `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n2\r\nok\r\n0\r\n\r\n`, `HTTP/1.1 204 OK\r\n${lines}\r\n\r\n`]),
    ...['HTTP/1.1 200', 'HTTP/1.1 200OK', 'HTTP/1.1  200 OK', 'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 099 OK', 'HTTP/1.1 101 OK', 'http/1.1 200 OK', 'HTTP/1.2 200 OK', 'HTTP/1.0 200 OK', 'HTTP/2.0 200 OK', 'HTTP/1.1\t200 OK', 'HTTP/1.1 200 O\0K', '\r\nHTTP/1.1 200 OK', 'HTTP/1.1 200 OK\r', '220 mail', ''].map((line) => `${line}\r\nContent-Length: 2\r\n\r\nok`),
    ...['HTTP/1.1 103 Early\r\nContent-Length: 2\r\n\r\n', 'HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n', 'HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 103 Early\r\n\r\n', 'HTTP/1.1 103 Early\r\nX y: 1\r\n\r\n'].map((interim) => `${interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`),
    ...['zz\r\nok', '2\r\nokay\r\n0\r\n\r\n', '2\nok\r\n0\r\n\r\n', '2\r\nok\n0\r\n\r\n', '-2\r\nok\r\n0\r\n\r\n', '2 \r\nok\r\n0\r\n\r\n', '\r\n', '00000002\r\nok\r\n0\r\n\r\n', 'ffffffffffffffffff\r\nok', '2\r\nok\r\n0\r\nX y: 1\r\n\r\n', '2\r\nok\r\n0\r\n', '2\r\nok\r\n0', '2\r\nok', '2\r\no', '2\r\nok\r\n0\r\n\r\nmore'].map((chunks) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`),
  ];
  for (const response of responses) {
    const { plain, others } = await compare(Buffer.from(response, 'latin1'), 0);
    assertOneOf(plain, others, response);
  }
});

test('any bytes at all are read as one of the others reads them', async (t) => {
  const compare = await differ(t);
  const text = (...pieces: string[]): fc.Arbitrary<string> => fc.constantFrom(...pieces);
  const line = fc.oneof(
    text('Content-Length: 3', 'Content-Length: 30', 'Content-Length: 0', 'Transfer-Encoding: chunked', 'transfer-encoding:CHUNKED', 'Connection: close', 'Connection: keep-alive', 'Connection: keep-alive, x', 'Connection: ,', 'Keep-Alive: timeout=5, max=1', 'Upgrade: h2c', 'TE: x', 'Trailer: x', 'x: y', 'X:', 'X: \t', 'ETag: "\xff"'),
    fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  );
  const head = fc.tuple(text('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'ICY'), text('200', '206', '304', '204', '205', '100', '103', '101', '404', '599', '600', '099', ''), fc.array(line, { maxLength: 5 }), text('', '3\r\nabc\r\n0\r\n\r\n', '3\r\nabc\r\n0\r\n\r\nx', '3;x\r\nabc\r\n0\r\n\r\n', 'abc', 'abcdef', '3\r\nab', '0\r\nX: y\r\n\r\n', '0\r\n\r\n', '\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    .map(([version, status, lines, body]) => Buffer.from(`${version} ${status} X\r\n${lines.map((each) => `${each}\r\n`).join('')}\r\n${body}`, 'latin1'));
  const bytes = fc.oneof({ weight: 6, arbitrary: head }, { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 60 }).map((each) => Buffer.from(each)) });
  await fc.assert(
    fc.asyncProperty(bytes, fc.nat(200), async (sent, cut) => {
      const { plain, others } = await compare(sent, Math.min(cut, sent.length));
      assertOneOf(plain, others, sent.toString('latin1'));
    }),
    { numRuns: rounds(300), seed: SEED, endOnFailure: true },
  );
});

describe('connections', () => {
  const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

  for (const [name, response] of [
    ['a length', OK],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['no content', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['interim responses before it', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`],
    ['Keep-Alive', 'HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 2\r\n\r\nok'],
  ] as const) {
    test(`are used again after a response with ${name}`, async (t) => {
      const server = await raw(t, response);
      const origins = client(t);
      for (let i = 0; i < 5; i++) assert.equal((await tell(origins, request(server))).error, undefined);
      assert.equal(server.connections, 1);
    });
  }

  for (const [name, response] of [
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['bytes behind its end', `${OK}x`],
    ['bytes behind its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx'],
    ['trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n'],
    ['a second to go', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok'],
  ] as const) {
    test(`are closed after a response with ${name}`, async (t) => {
      const server = await raw(t, async (connection) => {
        await connection.send(response);
        await connection.closed;
      });
      const origins = client(t);
      for (let i = 0; i < 3; i++) assert.equal((await tell(origins, request(server))).error, undefined);
      assert.equal(server.connections, 3);
    });
  }

  test('that send something nobody asked for are closed', async (t) => {
    const server = await raw(t, async (connection) => {
      await connection.send(OK);
      await turns();
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
      await connection.closed;
    });
    const origins = client(t);
    assert.equal((await tell(origins, request(server))).body, 'ok');
    await turns(10);
    assert.equal((await tell(origins, request(server))).body, 'ok');
    assert.equal(server.connections, 2);
  });

  test('there are as many as requests at once, and the last one used is used next', async (t) => {
    const open = gate();
    const ports: number[] = [];
    const server = await raw(t, async (connection) => {
      ports.push(connection.socket.remotePort!);
      if (ports.length <= 3) await open.wait;
      await connection.send(OK);
    });
    const origins = client(t);
    const all = [1, 2, 3].map(() => tell(origins, request(server)));
    await server.arrived(3);
    open.open();
    await Promise.all(all);
    assert.equal(server.connections, 3);
    for (let i = 0; i < 3; i++) await tell(origins, request(server));
    assert.equal(new Set(ports.slice(3)).size, 1);
    assert.equal(server.connections, 3);
  });

  test('that nobody uses are closed after a while, those of which the origin says so later', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const closed: string[] = [];
    const done = gate();
    const server = await raw(t, async (connection, bytes) => {
      const long = bytes.includes('long');
      await connection.send(long ? 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=20\r\nContent-Length: 2\r\n\r\nok' : OK);
      void connection.closed.then(() => {
        closed.push(long ? 'long' : 'short');
        if (long) done.open();
      });
    });
    const origins = client(t);
    await Promise.all([tell(origins, request(server)), tell(origins, request(server, { fields: Fields.of({ Host: 'long' }) }))]);
    t.mock.timers.tick(3900);
    await turns();
    assert.deepEqual(closed, []);
    t.mock.timers.tick(1000);
    await until('the first connection is closed', () => closed.length > 0);
    assert.deepEqual(closed, ['short']);
    t.mock.timers.tick(20_000);
    await done.wait;
  });

  test('opened for a request that was given up serve the next one', async (t) => {
    const server = await raw(t, OK);
    const origins = client(t);
    const controller = new AbortController();
    const given = origins.fetch(request(server, { signal: controller.signal }));
    const reason = new MillraceError('ERR_CLIENT_GONE', 'left');
    controller.abort(reason);
    await assert.rejects(given, reason);
    await until('the connection is accepted', () => server.connections > 0);
    await turns();
    assert.equal((await tell(origins, request(server))).body, 'ok');
    assert.equal(server.connections, 1);
  });

  test('end with the client, whoever reads from them', async (t) => {
    const server = await raw(t, async (connection, bytes) => {
      if (bytes.includes('chunks')) await connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n');
      else if (bytes.includes('old')) await connection.send('HTTP/1.0 200 OK\r\n\r\nok');
      await connection.closed;
    });
    const origins = client(t);
    const hosts = ['none', 'chunks', 'old'];
    const all = hosts.map((host) => tell(origins, request(server, { fields: Fields.of({ Host: host }) })));
    await server.arrived(3);
    await turns(10);
    await origins.close();
    assert.deepEqual((await Promise.all(all)).map(({ error }) => error), ['ERR_SHUTTING_DOWN', 'ERR_ORIGIN_INCOMPLETE', 'ERR_ORIGIN_INCOMPLETE']);
  });
});

describe('a body', () => {
  test('that is held back is no reason to give the origin up; one that does not come is', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const arrived = gate();
    const server = await raw(t, async (connection) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello`);
      await arrived.wait;
      await connection.send('hello');
      await connection.closed;
    });
    const response = await client(t).fetch(request(server));
    let pieces = 0;
    const body = new Promise<void>((resolve, reject) => {
      response.body.pipe({
        data: () => {
          arrived.open();
          return pieces++ > 0;
        },
        end: () => resolve(),
        error: reject,
      });
    });
    await arrived.wait;
    await turns(10);
    t.mock.timers.tick(100_000);
    await turns();
    response.body.resume();
    t.mock.timers.tick(29_000);
    await turns();
    t.mock.timers.tick(3000);
    await assert.rejects(body, { code: 'ERR_ORIGIN_TIMEOUT' });
  });

  for (const [name, head, last] of [['with a length', 'Content-Length: 10', 'world'], ['in chunks', 'Transfer-Encoding: chunked', '5\r\nworld\r\n0\r\n\r\n']] as const) {
    test(`${name} that is held back at its last bytes leaves a connection that can be used again`, async (t) => {
      const begun = gate();
      const server = await raw(t, async (connection, asked) => {
        await connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${head.startsWith('T') ? '5\r\nhello\r\n' : 'hello'}`);
        if (asked.includes('Held')) await begun.wait;
        await connection.send(last);
      });
      const origins = client(t);
      const response = await origins.fetch(request(server, { fields: Fields.of({ Host: `127.0.0.1:${server.port}`, Held: 'x' }) }));
      await new Promise<void>((resolve, reject) => {
        let pieces = 0;
        response.body.pipe({
          data: () => {
            begun.open();
            if (pieces > 0) setImmediate(() => response.body.resume());
            return pieces++ === 0;
          },
          end: () => resolve(),
          error: reject,
        });
      });
      assert.equal((await tell(origins, request(server))).body, 'helloworld');
    });
  }

  for (const [name, head, piece] of [
    ['with a length', 'Content-Length: 1000000000', 'a'.repeat(50_000)],
    ['in chunks', 'Transfer-Encoding: chunked', `c350\r\n${'a'.repeat(50_000)}\r\n`],
    ['in chunks with extensions', 'Transfer-Encoding: chunked', `c350;x\r\n${'a'.repeat(50_000)}\r\n`],
  ] as const) {
    test(`${name} pauses, goes on, and is given up in the middle`, async (t) => {
      let sent = 0;
      const closed = gate();
      const server = await raw(t, async (connection) => {
        void connection.closed.then(() => closed.open());
        await connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
        while (!connection.socket.destroyed && sent < 400 * piece.length) {
          await connection.send(piece);
          sent += piece.length;
        }
      });
      const response = await client(t).fetch(request(server));
      let received = 0;
      const enough = gate();
      const failed = gate();
      const reason = new Error('enough');
      const sink: BodySink = {
        data: (chunk) => {
          received += chunk.length;
          if (received > 5_000_000) enough.open();
          else setImmediate(() => response.body.resume());
          return false;
        },
        end: () => assert.fail('it is not at its end'),
        error: (error) => {
          assert.equal(error, reason);
          failed.open();
        },
      };
      response.body.pipe(sink);
      await enough.wait;
      // Nobody asked for more: what the system keeps for the connection is full.
      for (let before = -1; before !== sent; await turns(20)) before = sent;
      assert.ok(sent < 400 * piece.length, `${sent} bytes were taken`);
      response.body.abort(reason);
      await failed.wait;
      await closed.wait;
    });
  }
});
