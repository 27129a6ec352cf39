/**
 * Express and Fastify as far as the tests use them. Whether their own types and the library's fit is
 * checked with the package (scripts/check-package.ts).
 */
declare module 'express' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  type Next = (error?: unknown) => void;
  interface Answer extends ServerResponse {
    status(code: number): this;
  }
  type Middleware = (message: IncomingMessage, response: Answer, next: Next) => void;
  export type ErrorRequestHandler = (error: { readonly code: string; readonly status: number }, message: IncomingMessage, response: Answer, next: Next) => void;
  export interface Express extends RequestListener {
    use(...middleware: Middleware[]): this;
    use(middleware: ErrorRequestHandler): this;
    use(path: string | RegExp, ...middleware: Middleware[]): this;
  }
  const express: {
    (): Express;
    json(): Middleware;
    urlencoded(): Middleware;
    raw(options: { readonly type: string }): Middleware;
    text(): Middleware;
  };
  export default express;
}

declare module 'fastify' {
  import type { IncomingMessage, Server, ServerResponse } from 'node:http';

  interface FastifyRequest {
    readonly raw: IncomingMessage;
    readonly body: unknown;
  }
  interface FastifyReply {
    readonly raw: ServerResponse;
    header(name: string, value: string): this;
    getHeaders(): object;
    hijack(): this;
  }
  interface FastifyInstance {
    readonly server: Server;
    addHook(name: 'onRequest' | 'onResponse', hook: (request: FastifyRequest, reply: FastifyReply) => Promise<void>): this;
    all(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): this;
    ready(): Promise<void>;
    close(): Promise<void>;
  }
  export default function fastify(options?: { readonly http2?: boolean }): FastifyInstance;
}
