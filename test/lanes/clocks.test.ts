/**
 * @module test/lanes/clocks
 * How long a connection may be silent, idle, or slow with its head: the same in either lane, to the
 * byte that ends it.
 */
import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { openRaw, rawRequest } from '../kit/client.ts';
import { startOrigin } from '../kit/origin.ts';
import type { RawConnection } from '../kit/raw-connection.ts';
import { type OpenLanes, openLanes } from './lanes.ts';
import { site } from './site.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: example.test\r\n\r\n`;

/** What is left of the connection until it ends. */
async function rest(connection: RawConnection): Promise<string> {
  return (await connection.readAll()).toString().replace(/^Date: .*$/gm, 'Date: *');
}

async function asked(connection: RawConnection, path: string): Promise<void> {
  void connection.send(get(path));
  await connection.readMessage();
}

interface Ending {
  readonly name: string;
  /** Ends as the clock of idle connections says, not that of heads. */
  readonly idle?: true;
  readonly run: (connection: RawConnection) => Promise<void>;
  readonly end: RegExp;
}

const TOO_SLOW = /^HTTP\/1\.1 408 /;
const SILENT = /^$/;

const ENDINGS: readonly Ending[] = [
  { name: 'nothing at all', run: async () => undefined, end: TOO_SLOW },
  { name: 'half a head', run: (connection) => connection.send('GET /pa'), end: TOO_SLOW },
  { name: 'half a head behind a hit', run: async (connection) => { await asked(connection, '/page'); await connection.send('GET /pa'); }, end: TOO_SLOW },
  { name: 'half a head behind a miss', run: async (connection) => { await asked(connection, '/other'); await connection.send(get('/page').slice(0, -2)); }, end: TOO_SLOW },
  { name: 'a head that comes byte by byte', run: async (connection) => { await connection.send('GET /page HTTP/1.1\r\nX-A: '); void drip(connection); }, end: TOO_SLOW },
  { name: 'half a head behind a hit and a miss and a hit', run: async (connection) => { for (const path of ['/page', '/more', '/page']) await asked(connection, path); await connection.send('G'); }, end: TOO_SLOW },
  { name: 'no further request behind a hit', idle: true, run: (connection) => asked(connection, '/page'), end: SILENT },
  { name: 'no further request behind a miss', idle: true, run: (connection) => asked(connection, '/else'), end: SILENT },
  { name: 'no further request behind a miss and a hit', idle: true, run: async (connection) => { for (const path of ['/else', '/page']) await asked(connection, path); }, end: SILENT },
];

/** As long as somebody reads. */
async function drip(connection: RawConnection): Promise<void> {
  for (let isOpen = true; isOpen; isOpen = connection.socket.writable) {
    await connection.send('x');
    // A write that the system takes at once lets nobody else have a turn.
    await new Promise((resolve) => void setTimeout(resolve, 1));
  }
}

/** Milliseconds, in place of half a minute and a minute. */
function hasten({ http }: Pick<OpenLanes, 'http'>, idle: boolean): void {
  Object.assign(http, { headersTimeout: idle ? 10_000 : 40, keepAliveTimeout: idle ? 20 : 10_000, keepAliveTimeoutBuffer: 1, connectionsCheckingInterval: 5 });
}

describe('a connection ends in the same way in both lanes after', () => {
  for (const { name, idle = false, run, end } of ENDINGS) {
    test(name, async (t) => {
      // The fast lane's own clock; node:http has others.
      mock.timers.enable({ apis: ['setInterval'] });
      t.after(() => mock.timers.reset());
      await using origin = await startOrigin(site);
      const ends: string[] = [];
      for (const door of ['fast', 'general'] as const) {
        await using lanes = await openLanes({ origin: origin.url }, (opening) => hasten(opening, idle), door);
        for (let i = 0; i < 2; i++) await rawRequest(lanes.port, get('/page'));
        const connection = await openRaw(lanes.port);
        await run(connection);
        // Known to the server once one that came later is answered.
        await rawRequest(lanes.port, get('/page'));
        // More than any connection may be silent.
        for (let i = 0; i < 3; i++) mock.timers.tick(35_000);
        ends.push(await rest(connection));
      }
      assert.match(ends[0]!, end);
      assert.equal(ends[0], ends[1]);
    });
  }
});
