import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { Fields } from '../../src/http/fields.ts';
import { NodeReply } from '../../src/server/node-reply.ts';
import { open, openRaw, rawRequest, request } from '../kit/client.ts';
import { gate } from '../kit/gate.ts';

/** Runs `use` against a server whose every request is answered by `answer`. */
async function serving(answer: (reply: NodeReply) => void, use: (port: number) => Promise<void>, state = { draining: false }): Promise<void> {
  const server = createServer((message, response) => {
    message.resume();
    answer(new NodeReply(response, state));
  });
  server.on('checkContinue', (_message, response) => {
    const reply = new NodeReply(response, state);
    reply.expectContinue();
    answer(reply);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

function whole(status: number, fields: Fields, body: string, length: number | 'unknown' = Buffer.byteLength(body)): (reply: NodeReply) => void {
  return (reply) => {
    reply.head(status, fields, length === 'unknown' ? undefined : length);
    if (body !== '') reply.write(Buffer.from(body));
    reply.end();
  };
}

const get = (version = '1.1', more = ''): string => `GET / HTTP/${version}\r\nHost: a\r\n${more}\r\n`;
const head = (received: Buffer): string => received.toString('latin1').split('\r\n\r\n', 1)[0]!;
const body = (received: Buffer): string => received.toString('latin1').split('\r\n\r\n').slice(1).join('\r\n\r\n');

describe('the head of a reply', () => {
  test('keeps case, order and number of its field lines', async () => {
    const fields = new Fields(['x-A', '1', 'Set-Cookie', 'a=1', 'X-b', '2', 'set-cookie', 'b=2', 'X-A', '3', 'Date', 'yesterday']);
    await serving(whole(200, fields, 'hi'), async (port) => {
      const lines = head(await rawRequest(port, get())).split('\r\n');
      assert.deepEqual(lines.slice(0, 8), ['HTTP/1.1 200 OK', 'x-A: 1', 'Set-Cookie: a=1', 'X-b: 2', 'set-cookie: b=2', 'X-A: 3', 'Date: yesterday', 'Content-Length: 2']);
      assert.equal(lines.filter((line) => /^date:/i.test(line)).length, 1);
    });
  });

  test('has a Date where none was given', async () => {
    await serving(whole(200, new Fields(), 'hi'), async (port) => assert.match(head(await rawRequest(port, get())), /\r\nDate: \w{3}, \d\d /));
  });

  test('gets its framing from the body alone, whatever the fields say', async () => {
    const fields = Fields.of({ 'Content-Length': '999', 'Transfer-Encoding': 'gzip', Connection: 'x', 'Keep-Alive': 'timeout=1', Trailer: 'X', 'X-End': '1' });
    await serving(whole(200, fields, 'hi'), async (port) => {
      const received = head(await rawRequest(port, get()));
      assert.match(received, /\r\nContent-Length: 2\r\n/);
      assert.doesNotMatch(received, /999|gzip|Connection: x|timeout=1\r|Trailer/);
    });
  });

  test('keeps raw bytes in Content-Disposition', async () => {
    const fields = new Fields(['Content-Length', '2', 'Content-Disposition', 'attachment; filename="caf\xc3\xa9 \xe2\x82\xac.txt"']);
    await serving(whole(200, fields, 'hi'), async (port) => assert.ok(head(await rawRequest(port, get())).includes('filename="caf\xc3\xa9 \xe2\x82\xac.txt"')));
  });

  test('never carries characters that could end a line', async () => {
    const fields = new Fields(['X-A', 'a\r\nX-Injected: 1', 'X B', 'no name', 'X-C', 'a\0b\x7f', 'X-D', '\u{1f600}']);
    await serving(whole(200, fields, ''), async (port) => {
      const received = head(await rawRequest(port, get()));
      assert.match(received, /\r\nX-A: a X-Injected: 1\r\nX-C: a b \r\nX-D:  \r\n/);
      assert.doesNotMatch(received, /X B/);
    });
  });

  test('has an empty reason phrase where the status is unknown', async () => {
    await serving(whole(299, new Fields(), ''), async (port) => assert.match(head(await rawRequest(port, get())), /^HTTP\/1\.1 299 \r\n/));
  });

  test('leaves before a body comes', async () => {
    const more = gate();
    await serving(
      (reply) => {
        reply.head(200, Fields.of({ 'Content-Type': 'text/event-stream' }), undefined);
        void more.wait.then(() => reply.end());
      },
      async (port) => {
        const response = await open(`http://127.0.0.1:${port}/`);
        assert.equal(response.status, 200);
        more.open();
        assert.equal((await response.finish()).complete, true);
      },
    );
  });

  test('says close when the server drains or the request was unclear', async () => {
    await serving(whole(200, new Fields(), 'hi'), async (port) => assert.match(head(await rawRequest(port, get())), /\r\nConnection: close/), { draining: true });
    const last = (reply: NodeReply): void => {
      reply.closeAfter();
      whole(200, new Fields(), 'hi')(reply);
    };
    await serving(last, async (port) => assert.match((await rawRequest(port, get(), { until: () => false })).toString(), /\r\nConnection: close[^]*hi$/));
  });
});

describe('responses without a body', () => {
  test('to HEAD: the length of what a GET would get, and none of it', async () => {
    for (const [length, fields] of [[5, new Fields()], ['unknown', Fields.of({ 'content-length': '5' })]] as const) {
      await serving(whole(200, fields, 'hello', length), async (port) => {
        const connection = await openRaw(port);
        void connection.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
        const received = await connection.readUntil('\r\n\r\n');
        assert.match(received.toString(), /\r\nContent-Length: 5\r\n/);
        // The connection goes on: nothing of a body stands between the two heads.
        void connection.send('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        assert.match((await connection.readAll()).toString(), /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
      });
    }
  });

  test('to HEAD of unknown length: no framing', async () => {
    await serving(whole(200, new Fields(), '', 'unknown'), async (port) => {
      const received = await rawRequest(port, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', { until: '\r\n\r\n' });
      assert.doesNotMatch(received.toString(), /content-length|transfer-encoding/i);
      assert.equal(body(received), '');
    });
  });

  test('204: no framing at all', async () => {
    await serving(whole(204, Fields.of({ 'Content-Length': '5' }), 'hello'), async (port) => {
      const received = await rawRequest(port, get());
      assert.doesNotMatch(received.toString(), /content-length|transfer-encoding|hello/i);
    });
  });

  test('304: the length of the 200 it stands for, where that is known', async () => {
    await serving(whole(304, Fields.of({ 'Content-Length': '5' }), '', 'unknown'), async (port) => {
      const received = await rawRequest(port, get());
      assert.match(received.toString(), /\r\nContent-Length: 5\r\n/);
      assert.equal(body(received), '');
    });
  });
});

describe('HTTP/1.0 clients', () => {
  test('get a body of unknown length that ends with the connection, even those that ask for chunked', async () => {
    for (const more of ['', 'TE: chunked\r\n', 'Connection: keep-alive\r\n', 'Connection: keep-alive, TE\r\nTE: chunked\r\n']) {
      await serving(whole(200, new Fields(), 'hello', 'unknown'), async (port) => {
        const received = await rawRequest(port, get('1.0', more), { until: () => false });
        assert.doesNotMatch(received.toString(), /transfer-encoding|keep-alive/i, more);
        assert.match(received.toString(), /\r\nConnection: close\r\n/);
        assert.equal(body(received), 'hello');
      });
    }
  });

  test('may keep the connection where the length is known', async () => {
    await serving(whole(200, new Fields(), 'hello'), async (port) => assert.match(head(await rawRequest(port, get('1.0', 'Connection: keep-alive\r\n'))), /Connection: keep-alive/));
  });

  test('see a reset where the body breaks off', async () => {
    const seen = gate();
    await serving(
      (reply) => {
        reply.head(200, new Fields(), undefined);
        reply.write(Buffer.from('half'));
        void seen.wait.then(() => reply.abort());
      },
      async (port) => {
        const connection = await openRaw(port);
        void connection.send(get('1.0'));
        await connection.readUntil('half');
        seen.open();
        assert.equal(await connection.closed, 'reset');
      },
    );
  });

  test('get no 1xx', async () => {
    const answer = (reply: NodeReply): void => {
      reply.informational(103, Fields.of({ Link: '</a>; rel=preload' }));
      whole(200, new Fields(), 'hi')(reply);
    };
    await serving(answer, async (port) => assert.match((await rawRequest(port, get('1.0'))).toString(), /^HTTP\/1\.1 200 /));
  });
});

describe('1xx responses', () => {
  test('pass with their fields; 101 does not, nor any after the head', async () => {
    const answer = (reply: NodeReply): void => {
      reply.informational(102, new Fields());
      reply.informational(103, new Fields(['Link', '</a>; rel=preload', 'link', '</b>; rel=preload', 'Transfer-Encoding', 'chunked', 'X-Bad', 'a\r\nb: c']));
      reply.informational(101, new Fields());
      reply.informational(142, Fields.of({ 'X-Progress': '1' }));
      reply.informational(100, new Fields());
      reply.head(200, new Fields(), 2);
      reply.informational(103, Fields.of({ Link: '</late>; rel=preload' }));
      reply.write(Buffer.from('hi'));
      reply.end();
    };
    await serving(answer, async (port) => {
      const { informational } = await request(`http://127.0.0.1:${port}/`);
      assert.deepEqual(
        informational.map(({ status, headers }) => [status, [...headers].flat()]),
        [
          [102, []],
          [103, ['Link', '</a>; rel=preload', 'link', '</b>; rel=preload', 'X-Bad', 'a b: c']],
          [142, ['X-Progress', '1']],
        ],
      );
    });
  });

  test('100 comes once, and only where it is waited for', async () => {
    const answer = (reply: NodeReply): void => {
      reply.informational(100, new Fields());
      reply.informational(100, new Fields());
      reply.continue();
      whole(200, new Fields(), 'hi')(reply);
    };
    await serving(answer, async (port) => {
      const waiting = await rawRequest(port, get('1.1', 'Expect: 100-continue\r\nContent-Length: 1\r\n'));
      assert.equal(waiting.toString().match(/HTTP\/1\.1 100 /g)?.length, 1);
      assert.doesNotMatch((await rawRequest(port, get())).toString(), /HTTP\/1\.1 100 /);
    });
  });
});

describe('trailers', () => {
  const trailers = new Fields(['X-Sum', '5', 'x-sum', '6', 'Content-Length', '1', 'X Bad', '1', 'X-Bad', 'a\r\nb: c']);
  const answer = (fields: Fields, length?: number) => (reply: NodeReply) => {
    reply.head(200, fields, length);
    reply.write(Buffer.from('hello'));
    reply.end(trailers);
  };

  test('go to those who announced to take them, and to all where the head announces them', async () => {
    await serving(answer(new Fields()), async (port) => {
      assert.match((await rawRequest(port, get('1.1', 'TE: trailers\r\n'))).toString(), /\r\n0\r\nX-Sum: 5\r\nx-sum: 6\r\nX-Bad: a b: c\r\n\r\n$/);
      assert.match((await rawRequest(port, get())).toString(), /\r\n0\r\n\r\n$/);
    });
    await serving(answer(Fields.of({ Trailer: 'X-Sum' })), async (port) => assert.match((await rawRequest(port, get())).toString(), /\r\nTrailer: X-Sum\r\n[^]*\r\n0\r\nX-Sum: 5\r\n/));
  });

  test('have no place where the length is known', async () => {
    await serving(answer(Fields.of({ Trailer: 'X-Sum' }), 5), async (port) => {
      const received = (await rawRequest(port, get('1.1', 'TE: trailers\r\n'))).toString();
      assert.match(received, /\r\n\r\nhello$/);
      assert.doesNotMatch(received, /trailer/i);
    });
  });
});

describe('a message that does not come whole', () => {
  const cases: [name: string, answer: (reply: NodeReply) => void][] = [
    ['aborted, chunked', (reply) => (reply.head(200, new Fields(), undefined), reply.write(Buffer.from('half')), reply.abort())],
    ['aborted, with a length', (reply) => (reply.head(200, new Fields(), 8), reply.write(Buffer.from('half')), reply.abort())],
    ['ended too early', (reply) => (reply.head(200, new Fields(), 8), reply.write(Buffer.from('half')), reply.end())],
    ['continued too long', (reply) => (reply.head(200, new Fields(), 8), reply.write(Buffer.from('half')), reply.write(Buffer.from('half and more')), reply.end())],
  ];
  for (const [name, answer] of cases) {
    test(name, async () => {
      await serving(answer, async (port) => {
        const response = await request(`http://127.0.0.1:${port}/`);
        assert.equal(response.complete, false);
        assert.equal(response.body.toString(), 'half');
      });
    });
  }
});

describe('the pace of the client', () => {
  test('write() asks for a pause, and onDrain ends it', async () => {
    const total = 40;
    const chunk = Buffer.alloc(1 << 20, 'x');
    let paused = 0;
    await serving(
      (reply) => {
        reply.head(200, new Fields(), total * chunk.length);
        let left = total;
        const go = (): void => {
          while (left > 0) {
            left--;
            if (!reply.write(chunk)) {
              paused++;
              reply.onDrain(go);
              return;
            }
          }
          reply.end();
          assert.equal(reply.bytesWritten, total * chunk.length);
        };
        go();
      },
      async (port) => {
        const response = await request(`http://127.0.0.1:${port}/`);
        assert.equal(response.body.length, total * chunk.length);
        assert.ok(paused > 0);
      },
    );
  });

  test('onClose and onDrain are called once when the client leaves, and at once after that', async () => {
    const done = gate();
    const calls: string[] = [];
    await serving(
      (reply) => {
        reply.onClose(() => {
          calls.push('close');
          assert.equal(reply.closed, true);
          assert.equal(reply.write(Buffer.from('late')), true);
          reply.end();
          reply.onClose(() => {
            calls.push('close again');
            done.open();
          });
        });
        reply.head(200, new Fields(), undefined);
        while (reply.write(Buffer.alloc(1 << 20))) continue;
        reply.onDrain(() => calls.push('drain'));
      },
      async (port) => {
        const connection = await openRaw(port);
        connection.socket.pause();
        void connection.send(get());
        connection.reset();
        await done.wait;
      },
    );
    // The system may have taken all that was waiting before the client left.
    assert.deepEqual(calls.toSorted(), ['close', 'close again', 'drain']);
  });

  test('onClose is not called for a response that came whole', async () => {
    let closed = false;
    await serving(
      (reply) => {
        reply.onClose(() => (closed = true));
        whole(200, new Fields(), 'hi')(reply);
      },
      async (port) => {
        await rawRequest(port, get('1.1', 'Connection: close\r\n'), { until: () => false });
      },
    );
    assert.equal(closed, false);
  });
});
