/**
 * @module origin/failure
 * The errors of sockets, TLS, DNS, undici and node:http as errors of ours, with the origin's name
 * and what to do.
 */
import { type ErrorCode, MillraceError } from '../errors.ts';
import type { Endpoint } from './connector.ts';

/** Why no connection came about. */
export function connectError(error: Error, { scheme, host, port }: Endpoint): MillraceError {
  if (error instanceof MillraceError) return error;
  const at = `${host}:${port}`;
  const cause = firstCause(error);
  const code = codeOf(cause);
  const make = (kind: ConstructorParameters<typeof MillraceError>[0], message: string): MillraceError => new MillraceError(kind, message, { cause: error });
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
      return make('ERR_NAME_NOT_RESOLVED', `The name ${host} could not be resolved (${code}). Check its spelling and this machine's DNS.`);
    case 'ECONNREFUSED':
      return make('ERR_CONNECTION_REFUSED', `${at} refused the connection. Check that the origin runs and listens on that port.`);
    case 'EMFILE':
    case 'ENFILE':
      return make('ERR_OVERLOADED', `No connection to ${at}: as many files are open as the system allows (${code}). Raise that limit (ulimit -n), or lower --max-connections.`);
    case 'ETIMEDOUT':
      return make('ERR_CONNECTION_TIMEOUT', `No connection to ${at}: it does not answer. Check that the origin is reachable from here.`);
    case 'ECONNRESET':
    case 'EPIPE':
      return scheme === 'https'
        ? make('ERR_ORIGIN_TLS', `${at} closed the connection during the TLS handshake. Check that it speaks https on that port; if it speaks plain HTTP there, use http://${at}.`)
        : make('ERR_CONNECTION_RESET', `${at} closed the connection as it was made. Check the origin's log.`);
    default:
  }
  if (scheme === 'https' && isTlsError(cause, code)) return tlsError(error, cause, code, at);
  return make('ERR_ORIGIN_UNREACHABLE', `${at} cannot be reached: ${cause.message}. Check the address and the network.`);
}

/** @param timeout seconds @param hasTcp there is a connection, on which no TLS handshake was done */
export function connectTimeoutError({ scheme, host, port }: Endpoint, timeout: number, hasTcp: boolean): MillraceError {
  const message = scheme === 'https' && hasTcp
    ? `${host}:${port} took the connection, but did no TLS handshake within ${timeout} s. Check that it speaks https on that port; if it speaks plain HTTP there, use http://${host}:${port}.`
    : `No connection to ${host}:${port} within ${timeout} s. Check that the origin runs and is reachable, or raise --connect-timeout.`;
  return new MillraceError('ERR_CONNECTION_TIMEOUT', message);
}

/** OpenSSL's words for a chain that ends at nobody who is trusted. */
const UNTRUSTED: ReadonlySet<string> = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_UNTRUSTED']);

/** Alerts by which a server says that it got no client certificate, or not the right one: https://www.rfc-editor.org/rfc/rfc8446.html#section-6.2 */
const WANTS_CERTIFICATE = /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$/;

function tlsError(error: Error, cause: Error, code: string, at: string): MillraceError {
  const make = (kind: ErrorCode, message: string): MillraceError => new MillraceError(kind, message, { cause: error });
  const failed = `TLS with ${at} failed: ${cause.message.trim()} (${code}).`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG' || code === 'ERR_SSL_HTTP_REQUEST') {
    return make('ERR_ORIGIN_SCHEME', `${at} does not speak TLS on that port. If it speaks plain HTTP there, use http://${at} (--origin http://${at}).`);
  }
  if (WANTS_CERTIFICATE.test(code)) return make('ERR_ORIGIN_TLS', `${failed} The origin asks for a client certificate that it accepts. Name one with --origin-cert FILE and --origin-key FILE.`);
  if (UNTRUSTED.has(code)) return make('ERR_ORIGIN_CERTIFICATE', `${failed} If it is of a private authority, name that one's certificate with --origin-ca FILE (without --origin: in NODE_EXTRA_CA_CERTS). --insecure-origin leaves it unchecked.`);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return make('ERR_ORIGIN_CERTIFICATE', `${failed} Use a name that stands in its certificate as the host of --origin, or have the certificate made for this one. --insecure-origin leaves it unchecked.`);
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return make('ERR_ORIGIN_CERTIFICATE', `${failed} Renew the origin's certificate, and check this machine's clock. Until then --insecure-origin leaves it unchecked.`);
  return make('ERR_ORIGIN_TLS', `${failed} Check the origin's certificate and that it speaks https on that port.`);
}

/** The first bytes of a TLS alert, in place of a response: https://www.rfc-editor.org/rfc/rfc8446.html#section-5.1 */
function isTlsAlert(error: Error): boolean {
  const { rawPacket } = error as { rawPacket?: unknown };
  return Buffer.isBuffer(rawPacket) && rawPacket[0] === 0x15 && rawPacket[1] === 0x03;
}

/** Why a request that had a connection got no response. */
export function exchangeError(error: Error, { scheme, host, port }: Endpoint, timeout: number): MillraceError {
  if (error instanceof MillraceError) return error;
  const at = `${host}:${port}`;
  const code = codeOf(error);
  const make = (kind: ConstructorParameters<typeof MillraceError>[0], message: string): MillraceError => new MillraceError(kind, message, { cause: error });
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return timeoutError({ host, port }, timeout);
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return new MillraceError('ERR_SHUTTING_DOWN', 'The request was not sent: the proxy is shutting down.', { cause: error, forOperator: `It was for ${at}.` });
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    return make('ERR_ORIGIN_RESPONSE', `The header fields of ${at}'s response are too large. Make the origin send fewer or shorter ones.`);
  }
  // Since TLS 1.3 a server refuses a client certificate after the handshake.
  if (scheme === 'https' && isTlsError(error, code)) return tlsError(error, error, code, at);
  if (isTlsAlert(error)) return make('ERR_ORIGIN_SCHEME', `${at} speaks TLS on that port. Use https://${at} (--origin https://${at}).`);
  if (isClosed(error)) {
    const otherwise = scheme === 'http' ? ` If it speaks https on that port, use https://${at}.` : ' If it asks for a client certificate, name one with --origin-cert FILE and --origin-key FILE.';
    return make('ERR_CONNECTION_RESET', `${at} closed the connection before it answered. Check the origin's log.${otherwise}`);
  }
  // An assertion of undici fails where a response makes no sense, as a 101 that nobody asked for.
  if (code === 'ERR_ASSERTION') return make('ERR_ORIGIN_RESPONSE', `${at} sent a response that has no meaning here. Check what listens on that port.`);
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED' || code.startsWith('ERR_')) {
    return make('ERR_BAD_REQUEST', `The request cannot be passed on: ${error.message}.`);
  }
  return make('ERR_ORIGIN_RESPONSE', `${at} sent no valid HTTP response: ${error.message}. Check what listens on that port.`);
}

/** Why a body ended before its end. */
export function bodyError(error: Error, { host, port }: Endpoint, timeout: number): MillraceError {
  if (error instanceof MillraceError) return error;
  if (codeOf(error) === 'UND_ERR_BODY_TIMEOUT') return timeoutError({ host, port }, timeout);
  return new MillraceError('ERR_ORIGIN_INCOMPLETE', `The response of ${host}:${port} broke off: ${error.message}. Check the origin's log.`, { cause: error });
}

/** @param timeout seconds */
export function timeoutError({ host, port }: Pick<Endpoint, 'host' | 'port'>, timeout: number): MillraceError {
  return new MillraceError('ERR_ORIGIN_TIMEOUT', `${host}:${port} sent nothing for ${timeout} s. Check why it is slow, or raise --origin-timeout.`);
}

/** What undici says of a request whose client is closed. */
export function closedClient(): Error {
  return Object.assign(new Error('The client is closed'), { code: 'UND_ERR_CLOSED' });
}

/** What undici says of a connection that the peer closed in order. */
export function closedByPeer(): Error {
  return Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
}

/** The peer closed or reset the connection, as against sending something wrong or nothing. */
export function isClosed(error: Error): boolean {
  const code = codeOf(error);
  return code === 'ECONNRESET' || code === 'EPIPE' || (code === 'UND_ERR_SOCKET' && /closed/.test(error.message));
}

function isTlsError(error: Error, code: string): boolean {
  return code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_') || code === 'EPROTO' || /CERT|SIGNATURE|ISSUER/.test(code) || error.message.includes('certificate');
}

/** node joins the failures of several addresses; the first that is no timeout tells most. */
function firstCause(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  const errors = error.errors.filter((each): each is Error => each instanceof Error);
  return errors.find((each) => codeOf(each) !== 'ETIMEDOUT') ?? errors[0] ?? error;
}

function codeOf(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}
