/**
 * @module server/preface
 * The first bytes by which a client that knows the server says, on a plain connection, that it
 * speaks HTTP/2. No request of HTTP/1 begins so: there is no method PRI.
 * Source: https://www.rfc-editor.org/rfc/rfc9113.html#section-3.4
 */
const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Whether a connection whose first bytes are [0, length) speaks HTTP/2; 'unclear': they are how the
 * preface begins, and more are needed.
 */
export function opensHttp2(bytes: Uint8Array, length: number): boolean | 'unclear' {
  const known = Math.min(length, PREFACE.length);
  for (let at = 0; at < known; at++) if (bytes[at] !== PREFACE[at]) return false;
  return known === PREFACE.length || 'unclear';
}
