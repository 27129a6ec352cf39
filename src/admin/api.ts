/**
 * @module admin/api
 * What an operator can ask of a running proxy over HTTP: health, statistics, purge, explain.
 */
import type { Readable } from 'node:stream';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import type { Traced } from './front-proxy.ts';
import type { Caller, Gate } from './gate.ts';
import type { Operations } from './operations.ts';
import { readPurge } from './purge-request.ts';

export interface AdminRequest extends Caller {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly body: Readable | undefined;
}

export interface AdminReply {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

interface Resource {
  readonly methods: readonly string[];
  /** The gate stands before it. */
  readonly guarded: boolean;
  answer(request: AdminRequest, query: URLSearchParams): Promise<unknown>;
}

/** Bytes of content a request may have. */
const MAX_CONTENT = 65_536;

const READ: readonly string[] = ['GET', 'HEAD'];

export class Admin {
  readonly #gate: Gate;
  readonly #resources: ReadonlyMap<string, Resource>;

  constructor(operations: Operations, gate: Gate) {
    this.#gate = gate;
    this.#resources = new Map<string, Resource>([
      ['/health', { methods: READ, guarded: false, answer: async () => ({ status: 'ok' }) }],
      ['/__admin/stats', { methods: READ, guarded: true, answer: async () => operations.stats() }],
      ['/__admin/clear-cache', { methods: ['POST'], guarded: true, answer: async () => ({ purged: await operations.purge({ all: true }) }) }],
      ['/__admin/purge', {
        methods: ['POST'],
        guarded: true,
        answer: async (request) => {
          const what = readPurge(await contentOf(request.body), request.fields.first('content-type'));
          return { purged: (await operations.purge(what)) ?? null, ...(what.soft === true && { soft: true }) };
        },
      }],
      ['/__admin/explain', {
        methods: READ,
        guarded: true,
        answer: async ({ fields }, query) => {
          const url = query.get('url');
          if (url === null || url === '') throw new MillraceError('ERR_ADMIN_INPUT', 'The URL to explain is missing. Ask for /__admin/explain?url=URL, and add &header=Name:value for fields of the request.');
          return operations.explain(url, query.getAll('header').map(headerOf), fields.first('host'));
        },
      }],
    ]);
  }

  /** Whether a request target (in origin-form) is ours and not the proxy's. */
  owns(url: string): boolean {
    const path = pathOf(url);
    return path === '/health' || path === '/__admin' || path.startsWith('/__admin/');
  }

  /** Every request to the main port that is not answered as an earlier one was comes by here, whatever it asks for. */
  look(request: Traced, requestTarget: string): void {
    this.#gate.look(request, requestTarget);
  }

  /** @throws {MillraceError} of the ERR_ADMIN codes, or ERR_BODY_TOO_LARGE */
  async handle(request: AdminRequest): Promise<AdminReply> {
    const path = pathOf(request.url);
    const resource = this.#resources.get(path);
    if (resource?.guarded !== false) this.#gate.check(request);
    if (resource === undefined) {
      throw new MillraceError('ERR_ADMIN_NOT_FOUND', `There is nothing at ${path}. There are ${[...this.#resources.keys()].join(', ')}.`);
    }
    if (!resource.methods.includes(request.method)) {
      throw new MethodRefused(path, request.method, resource.methods);
    }
    const value = await resource.answer(request, new URLSearchParams(request.url.slice(path.length)));
    return {
      status: 200,
      fields: Fields.of({
        'Content-Type': 'application/json',
        // Neither a browser nor a proxy on the way keeps it.
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
      }),
      body: Buffer.from(`${JSON.stringify(value, null, 2)}\n`),
    };
  }
}

/** https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.6: 405 comes with Allow. */
export class MethodRefused extends MillraceError {
  readonly allow: string;

  constructor(path: string, method: string, methods: readonly string[]) {
    super('ERR_ADMIN_METHOD', `${path} does not take ${method}. Use ${methods[0]!}.`);
    this.allow = methods.join(', ');
  }
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!;
}

function headerOf(text: string): [string, string] {
  const colon = text.indexOf(':');
  const name = text.slice(0, colon).trim();
  if (colon < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new MillraceError('ERR_ADMIN_INPUT', `"${text}" is no header field. Write it as Name:value.`);
  return [name, text.slice(colon + 1).trim()];
}

async function contentOf(body: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += (chunk as Buffer).length;
    if (length > MAX_CONTENT) throw new MillraceError('ERR_BODY_TOO_LARGE', `The content is larger than the ${MAX_CONTENT} bytes a purge may take.`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
