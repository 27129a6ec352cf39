/**
 * @module library/messages
 * The objects that the proxy takes from others, described by what it needs to know them by. So
 * the types of this package need no others: IncomingMessage, Http2ServerRequest, and what Express and
 * Fastify make of them, all fit.
 */

/** A request of node:http or node:http2, as it comes or as a framework has extended it. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: string[];
}

/** The response that belongs to it. */
export interface NodeResponse {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
}

/** The connection of a request to switch protocols. */
export interface NodeSocket {
  readonly destroyed: boolean;
  destroy(): unknown;
}

/** Fastify's request. */
export interface WrappedRequest {
  readonly raw: NodeRequest;
  readonly body?: unknown;
}

/** Fastify's reply. */
export interface WrappedReply {
  readonly raw: NodeResponse;
  getHeaders(): object;
  hijack(): unknown;
}

type Global<Name extends string> = typeof globalThis extends Readonly<Record<Name, { readonly prototype: infer Kind }>> ? Kind : object;

/** The Request of the Fetch standard, where the program's types know it. */
export type WebRequest = Global<'Request'>;
/** The Response of the Fetch standard, where the program's types know it. */
export type WebResponse = Global<'Response'>;

export interface FetchContext {
  /** The address that the request came from, as told in X-Forwarded-For. Default: unknown. */
  readonly clientAddress?: string | undefined;
}
