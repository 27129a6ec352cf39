/**
 * @module demo/origin
 * The origin of the demo: a small, slow web site that says how long each answer may be kept. It
 * knows nothing of Millrace.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { MillraceError } from '../errors.ts';
import { GALLERY, galleryPicture, pictureBytes } from './gallery.ts';
import { galleryPage } from './page.ts';
import type { Trial } from './page.ts';

export interface DemoOrigin {
  /** `http://127.0.0.1:49152`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends all connections. */
  close(): Promise<void>;
}

export interface DemoOriginOptions {
  /** Default 0: a free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** What a path answers, before any delay or condition is looked at. */
interface Answer {
  readonly mediaType: string;
  readonly cacheControl: string;
  /** Milliseconds that finding the answer takes. */
  readonly cost: number;
  readonly body: () => string | Buffer;
}

/** The browser asks again on every reload (max-age=0), and the proxy may answer for a minute (s-maxage). */
const PICTURES_KEPT = 'max-age=0, s-maxage=60';
const PAGE_KEPT = 'max-age=0, s-maxage=5';

/** The resources beside the gallery: what they are, and what they show. */
const TRIALS: readonly (Trial & { readonly cost: number })[] = [
  { path: '/slow', cacheControl: 'max-age=0, s-maxage=30', cost: 1000, what: 'One second of computing, then kept for 30 seconds.' },
  {
    path: '/news',
    cacheControl: 'max-age=0, s-maxage=5, stale-while-revalidate=60',
    cost: 500,
    what: 'Fresh for 5 seconds; after that the old answer comes at once and is refreshed behind it.',
  },
  { path: '/private', cacheControl: 'no-store', cost: 0, what: 'Never kept: it goes to the origin each time.' },
];

/** Starts the site. Throws ERR_LISTEN where the port cannot be had. */
export async function startDemoOrigin({ port = 0, host = '127.0.0.1' }: DemoOriginOptions = {}): Promise<DemoOrigin> {
  const resources = trialResources();
  const page = galleryPage(GALLERY, TRIALS);
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const answer = path === '/' ? pageAnswer(page) : (pictureAnswer(path) ?? resources.get(path));
    // The client may leave while the answer is being found; there is nobody to tell then.
    respond(request, response, answer).catch(() => response.destroy());
  });
  await listen(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

function pageAnswer(page: string): Answer {
  return { mediaType: 'text/html; charset=utf-8', cacheControl: PAGE_KEPT, cost: 0, body: () => page };
}

function pictureAnswer(path: string): Answer | undefined {
  const picture = galleryPicture(path);
  if (picture === undefined) return undefined;
  return {
    mediaType: picture.mediaType,
    cacheControl: PICTURES_KEPT,
    // Between 20 and 50 ms, as from a machine in the next country.
    cost: 20 + ((picture.index * 7) % 31),
    body: () => pictureBytes(picture),
  };
}

/** Each answer tells how often it was made, so that a kept one is known by its number. */
function trialResources(): Map<string, Answer> {
  return new Map(
    TRIALS.map(({ path, cacheControl, cost }) => {
      let made = 0;
      const body = (): string => `${JSON.stringify({ path, made: ++made, at: new Date().toISOString() })}\n`;
      return [path, { mediaType: 'application/json', cacheControl, cost, body }];
    }),
  );
}

async function respond(request: IncomingMessage, response: ServerResponse, answer: Answer | undefined): Promise<void> {
  request.resume();
  if (answer === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }).end('Nothing here. The gallery is at /.\n');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD', 'content-type': 'text/plain; charset=utf-8' }).end('This site is for reading only.\n');
    return;
  }
  await delay(answer.cost);
  const body = Buffer.from(answer.body());
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const fields = { 'cache-control': answer.cacheControl, etag };
  if (names(request.headers['if-none-match'], etag)) {
    response.writeHead(304, fields).end();
    return;
  }
  response.writeHead(200, { ...fields, 'content-type': answer.mediaType, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Whether If-None-Match names the entity tag, by weak comparison (https://www.rfc-editor.org/rfc/rfc9110.html#section-13.1.2). */
function names(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((listening, failed) => {
    server.once('error', (cause) => {
      failed(new MillraceError('ERR_LISTEN', `The demo's origin cannot listen on ${host} port ${port}: ${cause.message}. Choose another port.`, { cause }));
    });
    server.listen(port, host, listening);
  });
}
