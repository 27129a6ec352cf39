/**
 * @module conformance/origin
 * The scripted origin behind the cache under test. It is told a case by `PUT /config/<uuid>`,
 * answers the requests below `/test/<uuid>` by that script, and tells what it saw at `/state/<uuid>`.
 */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { CaseRequest } from './cases.ts';
import { resolve } from './magic.ts';
import type { Trace } from './trace.ts';

/** What the origin tells of one request it saw. */
export interface Seen {
  readonly request_num: number;
  readonly request_method: string;
  readonly request_headers: IncomingHttpHeaders;
  /** The fields that must reach the client. */
  readonly response_headers: readonly (readonly [name: string, value: string | readonly string[]])[];
}

interface Script {
  readonly requests: readonly CaseRequest[];
  readonly seen: Seen[];
  /** By request number: the values of the response's fields as first sent. */
  readonly values: Map<number, readonly string[]>;
}

export class ScriptedOrigin {
  readonly #server: Server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) refuse(response, 500, `The scripted origin failed: ${String(error)}`);
      else response.destroy();
    });
  });
  readonly #scripts = new Map<string, Script>();
  readonly #trace: Trace | undefined;

  /** With a trace, every exchange of a case is written into it. */
  constructor(trace?: Trace) {
    this.#trace = trace;
    // A cache may keep a connection idle for as long as a case pauses; it must not be closed under it.
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Listens on loopback; resolves to the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, what, uuid] = new URL(request.url ?? '/', 'http://origin').pathname.split('/');
    if (what === 'config' && uuid) return this.#config(uuid, request, response);
    const script = this.#scripts.get(uuid ?? '');
    if (script === undefined) return refuse(response, 409, `No case is known as ${uuid}`);
    if (what === 'state') {
      response.setHeader('Content-Type', 'text/plain');
      response.end(JSON.stringify(script.seen));
    } else if (what === 'test') {
      await this.#play(uuid!, script, request, response);
    } else {
      refuse(response, 404, `Nothing is at ${request.url}`);
    }
  }

  async #config(uuid: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'PUT') return refuse(response, 405, 'A case is told by PUT');
    if (this.#scripts.has(uuid)) return refuse(response, 409, `A case is already known as ${uuid}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const requests = JSON.parse(Buffer.concat(chunks).toString()) as CaseRequest[];
    this.#scripts.set(uuid, { requests, seen: [], values: new Map() });
    response.statusCode = 201;
    response.end('OK');
  }

  async #play(uuid: string, script: Script, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const number = Number.parseInt(String(request.headers['req-num']), 10) || script.seen.length + 1;
    const step = script.requests[number - 1];
    if (step === undefined) return refuse(response, 409, `The case has no request ${number}`);
    this.#trace?.request(uuid, 'origin', number, `${request.method} ${request.url} HTTP/${request.httpVersion}`, request.rawHeaders);
    request.resume();
    if (step.response_pause !== undefined) await pause(step.response_pause * 1000);

    for (const [status, fields = []] of step.interim_responses ?? []) response.writeInformation(status, Object.fromEntries(fields));

    const now = Date.now();
    const [code, phrase] = this.#status(script, number, request.headers);
    response.statusCode = code;
    response.statusMessage = phrase;
    const count = script.seen.length + 1;
    response.setHeader('Server-Base-Url', request.url ?? '');
    response.setHeader('Server-Request-Count', count);
    response.setHeader('Client-Request-Count', number);
    response.setHeader('Server-Now', now);

    // The values of a first answer hold for a repeated one too, as validators must.
    const scripted = step.response_headers ?? [];
    const values = script.values.get(number) ?? scripted.map(([name, value]) => resolve(name, value, step, { now, baseUrl: request.url ?? '' }));
    script.values.set(number, values);
    const told = new Map<string, string | readonly string[]>();
    for (const [index, [name, , checked = true]] of scripted.entries()) {
      response.appendHeader(name, values[index]!);
      if (checked) told.set(name, response.getHeader(name) as string | string[]);
    }
    // A coding other than chunked ends with the connection: https://www.rfc-editor.org/rfc/rfc9112.html#section-6.1
    if (response.hasHeader('Transfer-Encoding')) response.shouldKeepAlive = false;
    if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'text/plain');

    script.seen.push({ request_num: number, request_method: request.method ?? '', request_headers: request.headers, response_headers: [...told] });
    response.setHeader('Request-Numbers', script.seen.map((seen) => seen.request_num).join(' '));

    if (step.disconnect === true) {
      this.#trace?.note(uuid, 'origin', number, 'closes the connection');
      request.socket.destroy();
      return;
    }
    const body = code === 204 || code === 304 ? undefined : (step.response_body ?? uuid);
    this.#trace?.response(uuid, 'origin', number, step.interim_responses ?? [], `HTTP/1.1 ${code} ${phrase}`, rawFields(response), body ?? '');
    response.end(body);
  }

  /** The scripted status; 304 or 999 ("should have been conditional") where validation is expected. */
  #status(script: Script, number: number, fields: IncomingHttpHeaders): readonly [code: number, phrase: string] {
    const step = script.requests[number - 1]!;
    if (!step.expected_type?.endsWith('validated')) return step.response_status ?? [200, 'OK'];
    const lastModified = sentValue(script, number - 1, 'last-modified');
    const etag = sentValue(script, number - 1, 'etag');
    const matches =
      (lastModified !== undefined && fields['if-modified-since'] === lastModified) ||
      (etag !== undefined && fields['if-none-match'] === etag);
    return matches ? [304, 'Not Modified'] : [999, '304 Not Generated'];
  }
}

/** The value of a field as it was, or would be, sent in response to that request; the last where it is repeated. */
function sentValue(script: Script, number: number, name: string): string | undefined {
  const scripted = script.requests[number - 1]?.response_headers ?? [];
  const index = scripted.findLastIndex(([field]) => field.toLowerCase() === name);
  if (index < 0) return undefined;
  const value = script.values.get(number)?.[index] ?? scripted[index]![1];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain' });
  response.end(`${message}\n`);
}

function rawFields(response: ServerResponse): string[] {
  return response.getHeaderNames().flatMap((name) => [response.getHeader(name)].flat().flatMap((value) => [name, String(value)]));
}
