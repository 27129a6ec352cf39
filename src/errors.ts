/**
 * @module errors
 * Every error a user can meet, in one table: code, status, where it arose, whether trying again
 * can help, and the Proxy-Status error type (RFC 9209 §2.3) that tells an intermediary the same.
 */
export type ErrorSource = 'client' | 'origin' | 'internal';

interface ErrorKind {
  /** The status of the response made for it; 0 where it never reaches a client. */
  readonly status: number;
  readonly source: ErrorSource;
  readonly retryable: boolean;
  /** https://www.rfc-editor.org/rfc/rfc9209.html#section-2.3 */
  readonly proxyStatus?: string;
  readonly title: string;
}

const ERRORS = {
  ERR_BAD_REQUEST: { status: 400, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'Bad request' },
  ERR_BAD_TARGET: { status: 400, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'Bad request target' },
  ERR_SCHEME: { status: 400, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'Wrong scheme for this port' },
  ERR_METHOD: { status: 501, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'Method not supported' },
  ERR_HOST_DENIED: { status: 403, source: 'client', retryable: false, proxyStatus: 'http_request_denied', title: 'Host not allowed' },
  ERR_CROSS_SITE: { status: 403, source: 'client', retryable: false, proxyStatus: 'http_request_denied', title: 'Request of another page refused' },
  ERR_ADDRESS_DENIED: { status: 403, source: 'client', retryable: false, proxyStatus: 'destination_ip_prohibited', title: 'Address not allowed' },
  ERR_CONNECT_DENIED: { status: 403, source: 'client', retryable: false, proxyStatus: 'http_request_denied', title: 'CONNECT not allowed' },
  ERR_PURGE_DENIED: { status: 403, source: 'client', retryable: false, proxyStatus: 'http_request_denied', title: 'PURGE not allowed' },
  ERR_ADMIN_DENIED: { status: 403, source: 'client', retryable: false, title: 'Administration refused' },
  ERR_ADMIN_NOT_FOUND: { status: 404, source: 'client', retryable: false, title: 'No such administration resource' },
  ERR_ADMIN_METHOD: { status: 405, source: 'client', retryable: false, title: 'Method not allowed here' },
  ERR_ADMIN_INPUT: { status: 400, source: 'client', retryable: false, title: 'Administration request not understood' },
  ERR_BODY_TOO_LARGE: { status: 413, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'Content too large' },
  ERR_URI_TOO_LONG: { status: 414, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'URI too long' },
  ERR_EXPECTATION: { status: 417, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'Expectation failed' },
  ERR_FIELDS_TOO_LARGE: { status: 431, source: 'client', retryable: false, proxyStatus: 'http_request_error', title: 'Request header fields too large' },
  ERR_REQUEST_TIMEOUT: { status: 408, source: 'client', retryable: true, title: 'Request timeout' },
  ERR_NOT_CACHED: { status: 504, source: 'client', retryable: false, title: 'Not in the cache' },
  ERR_LOOP: { status: 508, source: 'client', retryable: false, proxyStatus: 'proxy_loop_detected', title: 'Loop detected' },
  ERR_NAME_NOT_RESOLVED: { status: 502, source: 'origin', retryable: true, proxyStatus: 'dns_error', title: 'Origin name not resolved' },
  ERR_CONNECTION_REFUSED: { status: 502, source: 'origin', retryable: true, proxyStatus: 'connection_refused', title: 'Origin refused the connection' },
  ERR_CONNECTION_RESET: { status: 502, source: 'origin', retryable: true, proxyStatus: 'connection_terminated', title: 'Origin closed the connection' },
  ERR_CONNECTION_TIMEOUT: { status: 504, source: 'origin', retryable: true, proxyStatus: 'connection_timeout', title: 'Connecting to the origin took too long' },
  ERR_ORIGIN_TIMEOUT: { status: 504, source: 'origin', retryable: true, proxyStatus: 'http_response_timeout', title: 'The origin took too long to answer' },
  ERR_ORIGIN_TLS: { status: 502, source: 'origin', retryable: false, proxyStatus: 'tls_protocol_error', title: 'TLS with the origin failed' },
  ERR_ORIGIN_CERTIFICATE: { status: 502, source: 'origin', retryable: false, proxyStatus: 'tls_certificate_error', title: "The origin's certificate is not accepted" },
  ERR_ORIGIN_SCHEME: { status: 502, source: 'origin', retryable: false, proxyStatus: 'tls_protocol_error', title: 'The origin speaks plain HTTP where https was expected, or the reverse' },
  ERR_ORIGIN_RESPONSE: { status: 502, source: 'origin', retryable: true, proxyStatus: 'http_protocol_error', title: 'The origin sent no valid response' },
  ERR_ORIGIN_INCOMPLETE: { status: 502, source: 'origin', retryable: true, proxyStatus: 'http_response_incomplete', title: 'The response of the origin broke off' },
  ERR_ORIGIN_UNREACHABLE: { status: 502, source: 'origin', retryable: true, proxyStatus: 'destination_unavailable', title: 'Origin not reachable' },
  ERR_CLIENT_GONE: { status: 499, source: 'client', retryable: false, title: 'The client went away' },
  ERR_CLIENT_SLOW: { status: 499, source: 'client', retryable: false, title: 'The client read too slowly' },
  ERR_OVERLOADED: { status: 503, source: 'origin', retryable: true, proxyStatus: 'connection_limit_reached', title: 'Too much to do at once' },
  ERR_SHUTTING_DOWN: { status: 503, source: 'internal', retryable: true, proxyStatus: 'proxy_internal_error', title: 'Shutting down' },
  ERR_INTERNAL: { status: 500, source: 'internal', retryable: false, proxyStatus: 'proxy_internal_error', title: 'Internal error' },
  ERR_BODY_READ: { status: 500, source: 'internal', retryable: false, proxyStatus: 'proxy_internal_error', title: 'Request body already read' },
  ERR_NODE_VERSION: { status: 0, source: 'internal', retryable: false, title: 'Node.js too old' },
  ERR_CONFIG: { status: 0, source: 'internal', retryable: false, title: 'Configuration not usable' },
  ERR_USAGE: { status: 0, source: 'client', retryable: false, title: 'Command line not understood' },
  ERR_LISTEN: { status: 0, source: 'internal', retryable: false, title: 'Cannot listen' },
  ERR_CERTIFICATE: { status: 0, source: 'internal', retryable: false, title: 'Certificate not usable' },
  ERR_NO_INSTANCE: { status: 0, source: 'client', retryable: true, title: 'No running instance' },
  ERR_WARM: { status: 0, source: 'client', retryable: false, title: 'Nothing to warm' },
  ERR_STORE: { status: 0, source: 'internal', retryable: false, title: 'Cache directory not usable' },
  ERR_STORED_FORMAT: { status: 0, source: 'internal', retryable: false, title: 'Stored bytes not readable' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a code out of the table; `message` says what happened, where, and what to do about it. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly #publicMessage: string;

  /** @param options forOperator: the end of the message that names addresses, files or options, which clients elsewhere shall not see */
  constructor(code: ErrorCode, message: string, { forOperator, ...options }: { cause?: unknown; forOperator?: string } = {}) {
    super(forOperator === undefined ? message : `${message} ${forOperator}`, options);
    this.name = 'MillraceError';
    this.code = code;
    this.#publicMessage = message;
  }

  /** The message without what is for the operator alone. */
  get publicMessage(): string {
    return this.#publicMessage;
  }

  /** The HTTP status that says the same; 0 where it never reaches a client. Express and others answer with it. */
  get status(): number {
    return this.kind.status;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }

  /** The error itself where it is one of ours, else an ERR_INTERNAL around it. */
  static from(error: unknown): MillraceError {
    if (error instanceof MillraceError) return error;
    const what = error instanceof Error ? error.message : String(error);
    return new MillraceError('ERR_INTERNAL', `An unexpected error: ${what}. Please report it.`, { cause: error });
  }
}
