/**
 * Kills the whole proxy at random moments under load, again and again on one cache directory: whatever
 * it answers is whole and unmixed, and what was purged never comes back.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { test } from 'node:test';
import { startOrigin } from '../kit/origin.ts';
import { Random, rounds } from '../kit/random.ts';
import { Home, type Running } from './command.ts';

const KILLS = rounds(5);
const PATHS = Array.from({ length: 50 }, (_, i) => `/${i % 5}/${i}`);
const CLIENTS = 8;
/** Responses a process gives before its time to be killed begins, and milliseconds that may pass then. */
const FEWEST = 40;
const LONGEST = 250;

/** Every response of the origin is another one: its number goes into all of its bytes. */
function bodyOf(path: string, number: number): Buffer {
  const length = [300, 5000, 40_000, 65_536, 130_000, 600_000][(number * 7) % 6]!;
  return Buffer.alloc(length, `${path} is number ${number}; `);
}

const digestOf = (body: Buffer): string => createHash('sha256').update(body).digest('base64url');

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Undefined where it broke off, as the process was killed. */
function ask({ port, adminSecret }: Running, agent: Agent, method: 'GET' | 'POST', path: string, form?: string): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  // Always the same Host: what clients use selects among what is stored, and each process has another port.
  const headers = form === undefined ? { Host: 'www.example' } : { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Bearer ${adminSecret}` };
  const outgoing = request({ port, host: '127.0.0.1', path, method, agent, headers }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', () => resolve(undefined));
    response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }));
  });
  outgoing.on('error', () => resolve(undefined)).end(form);
  return promise;
}

/** A purge of that path and perhaps others: which, where the proxy said that it is done. */
async function purge(running: Running, agent: Agent, path: string, choice: number): Promise<readonly string[] | undefined> {
  const group = path.slice(0, 3);
  const ofGroup = PATHS.filter((each) => each.startsWith(group));
  const [form, hit] = choice < 0.35 ? [`url=${path}`, [path]] : choice < 0.6 ? [`prefix=${group}`, ofGroup] : choice < 0.9 ? [`tag=${encodeURIComponent(`group ${group}`)}`, ofGroup] : ['all=true', PATHS];
  return (await ask(running, agent, 'POST', '/__admin/purge', form))?.status === 200 ? hit : undefined;
}

test(`a proxy killed ${KILLS} times under load serves whole responses, and none that was purged`, { timeout: 60_000 + KILLS * 10_000 }, async (t) => {
  const random = Random.of(t);
  let number = 0;
  await using origin = await startOrigin((incoming, response) => {
    const path = incoming.url!;
    if (incoming.method === 'POST') return void response.writeHead(204).end();
    const body = bodyOf(path, ++number);
    response.writeHead(200, { 'Content-Length': body.length, 'Cache-Control': 'max-age=600', 'Cache-Groups': `"group ${path.slice(0, 3)}"`, 'X-Digest': digestOf(body), 'X-Path': path, 'X-Number': number });
    response.end(body);
  });
  const home = new Home(t);
  const args = ['--port', '0', '--origin', origin.url, '--admin-token', 'secret', '--cache-dir', 'cache', '--max-disk', '16MB', '--max-memory', '1MB', '--max-object', '1MB', '--log-format', 'off'];
  /** By path: responses with that number and earlier ones were purged. */
  const floors = new Map<string, number>();
  const counted = { responses: 0, hits: 0, firstHits: 0, purges: 0 };

  const client = async (running: Running, agent: Agent, own: Random, onResponse: () => void): Promise<void> => {
    for (let isFirst = true; ; isFirst = false) {
      const path = PATHS[Math.floor(own.next() ** 2 * PATHS.length)]!;
      const choice = isFirst ? 1 : own.next();
      if (choice < 0.1) {
        const before = number;
        const unsafe = choice < 0.03 ? await ask(running, agent, 'POST', path) : undefined;
        const hit = choice < 0.03 ? unsafe && [path] : await purge(running, agent, path, own.next());
        if (hit === undefined) return;
        counted.purges++;
        for (const each of hit) floors.set(each, Math.max(before, floors.get(each) ?? 0));
        continue;
      }
      const floor = floors.get(path) ?? 0;
      const answer = await ask(running, agent, 'GET', path);
      if (answer === undefined) return;
      const { status, headers, body } = answer;
      assert.deepEqual([status, headers['x-path'], headers['x-digest']], [200, path, digestOf(body)], `${path} is whole, and its own`);
      assert.ok(Number(headers['x-number']) > floor, `${path} number ${String(headers['x-number'])} was purged with all up to ${floor}`);
      counted.responses++;
      const isHit = headers['x-cache'] === 'HIT';
      if (isHit) counted.hits++;
      if (isHit && isFirst) counted.firstHits++;
      onResponse();
    }
  };

  for (let round = 0; round < KILLS; round++) {
    const running = await home.start(...args, '--workers', round % 4 === 3 ? '2' : '1');
    assert.doesNotMatch(running.stderr(), /warning/u, running.stderr());
    const agent = new Agent({ keepAlive: true });
    const moment = random.next() ** 2 * LONGEST;
    let responses = 0;
    let timer: NodeJS.Timeout | undefined;
    const onResponse = (): void => {
      if (++responses >= FEWEST) timer ??= setTimeout(() => running.process.kill('SIGKILL'), moment);
    };
    await Promise.all(Array.from({ length: CLIENTS }, () => client(running, agent, random.fork(), onResponse)));
    agent.destroy();
    running.process.kill('SIGKILL');
    const { stderr } = await running.finished;
    assert.doesNotMatch(stderr, /warning|defect/u, stderr);
    assert.ok(responses >= FEWEST, `it answered ${responses} times`);
  }
  assert.ok(counted.firstHits > 0 && counted.purges > 0, JSON.stringify(counted));
  t.diagnostic(`${counted.responses} responses were right, ${counted.hits} of them hits, ${counted.firstHits} of these among the first ${CLIENTS * KILLS} after a start; ${counted.purges} purges held`);
});
