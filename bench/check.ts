/**
 * @module bench/check
 * A rival is timed only after it has given the right answers, and from where it was to give them.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { type ClientHttp2Stream, connect } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Ask, Case } from './cases.ts';
import { COUNT_PATH, digest } from './site.ts';

/** Until it hits: some keep a response a moment after they have sent it. */
const TRIES = 50;
const PAUSE = 20;
/** Milliseconds for one answer. */
const PATIENCE = 30_000;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** What is wrong with the rival on this port, or undefined where all is right. */
export async function fault(one: Case, port: number, originPort: number): Promise<string | undefined> {
  try {
    await untilQuiet(originPort);
    for (const ask of one.asks) {
      const { 'If-None-Match': _condition, Range: _range, ...plain } = ask.fields;
      // What a condition or a range is asked of has to be there first.
      const ways: Ways = { get: one.streams === undefined ? get : getOverHttp2, port, originPort };
      if (one.expects === 'hits') await ways.get(port, ask.path, plain);
      const found = (await wrongAnswer(ask, ways)) ?? (one.expects === 'hits' ? await notHit(ask, ways) : await notMissed(ask, ways));
      if (found !== undefined) return found;
    }
    return undefined;
  } catch (error) {
    return `it breaks off: ${(error as Error).message}`;
  }
}

/** How a rival is asked, and where its origin tells how often it was. */
interface Ways {
  get(port: number, path: string, fields: Readonly<Record<string, string>>): Promise<Answer>;
  readonly port: number;
  readonly originPort: number;
}

async function wrongAnswer(ask: Ask, ways: Ways): Promise<string | undefined> {
  const { status, body } = await ways.get(ways.port, ask.path, ask.fields);
  if (status !== ask.status) return `it answers ${status} where ${ask.status} is right`;
  if (body.length !== ask.body.length) return `it sends ${body.length} bytes where ${ask.body.length} are right`;
  return digest(body) === digest(ask.body) ? undefined : 'it sends other bytes than the origin';
}

async function notHit(ask: Ask, ways: Ways): Promise<string | undefined> {
  const { originPort } = ways;
  let inRow = 0;
  for (let tries = 0; tries < TRIES && inRow < 3; tries++) {
    const before = await countRequests(originPort);
    const found = await wrongAnswer(ask, ways);
    if (found !== undefined) return `${found}, once it has it`;
    inRow = (await countRequests(originPort)) === before ? inRow + 1 : 0;
    if (inRow === 0) await wait(PAUSE);
  }
  return inRow < 3 ? `it still asks the origin after ${TRIES} requests` : undefined;
}

async function notMissed(ask: Ask, ways: Ways): Promise<string | undefined> {
  const { originPort } = ways;
  for (let tries = 0; tries < 3; tries++) {
    const before = await countRequests(originPort);
    const found = await wrongAnswer(ask, ways);
    if (found !== undefined) return found;
    const passed = (await countRequests(originPort)) - before;
    if (passed !== 1) return passed === 0 ? 'it keeps what must not be kept' : `it asks the origin ${passed} times for one request`;
  }
  return undefined;
}

/** How many requests the origin has seen. */
export async function countRequests(originPort: number): Promise<number> {
  return Number((await get(originPort, COUNT_PATH, {})).body.toString());
}

/** Waits until nobody asks the origin any more: at the end of a round, requests are still under way. */
export async function untilQuiet(originPort: number): Promise<void> {
  for (let tries = 0, before = -1; tries < TRIES; tries++) {
    const count = await countRequests(originPort);
    if (count === before) return;
    before = count;
    await wait(PAUSE);
  }
}

async function get(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const outgoing = request({ port, host: '127.0.0.1', path, headers: { ...headers, Host: `127.0.0.1:${port}` }, agent: false, signal: AbortSignal.timeout(PATIENCE) });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: response.statusCode!, body: Buffer.concat(await response.toArray()) };
}

async function getOverHttp2(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${port}`);
  // Its stream tells, too.
  session.on('error', () => undefined);
  try {
    const [stream] = (await Promise.race([once(session, 'remoteSettings').then(() => [session.request({ ':path': path, ...headers }, { signal: AbortSignal.timeout(PATIENCE) })]), once(session, 'close').then(() => [])])) as ClientHttp2Stream[];
    if (stream === undefined) throw new Error('it ended the connection');
    const [answer] = (await once(stream, 'response')) as [{ readonly ':status': number }];
    return { status: answer[':status'], body: Buffer.concat(await stream.toArray()) };
  } finally {
    session.destroy();
  }
}
