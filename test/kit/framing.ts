/**
 * @module test/kit/framing
 * Where an HTTP/1.1 message ends. Written for the tests alone, so that they do not judge the
 * proxy by its own parser. https://www.rfc-editor.org/rfc/rfc9112.html#section-6.3
 */

/**
 * How many bytes from the start of `bytes` the first message takes, interim (1xx) responses before
 * a final one included; undefined where it is not complete yet or ends only with the connection.
 */
export function messageLength(bytes: Buffer): number | undefined {
  let start = 0;
  for (;;) {
    const bodyStart = headEnd(bytes, start);
    if (bodyStart === undefined) return undefined;
    const head = bytes.toString('latin1', start, bodyStart);
    const status = /^HTTP\/\d\.\d (\d{3})/.exec(head)?.[1];
    if (status?.startsWith('1') === true && status !== '101') {
      start = bodyStart;
      continue;
    }
    if (status === '101' || status === '204' || status === '304') return bodyStart;
    if (/^transfer-encoding:.*\bchunked\s*$/im.test(head)) return chunkedEnd(bytes, bodyStart);
    const length = /^content-length:[ \t]*(\d+)/im.exec(head)?.[1];
    if (length !== undefined) {
      const end = bodyStart + Number(length);
      return bytes.length < end ? undefined : end;
    }
    return status === undefined ? bodyStart : undefined;
  }
}

/** The position after the blank line that ends the head beginning at `start`. */
export function headEnd(bytes: Buffer, start = 0): number | undefined {
  const blank = bytes.indexOf('\r\n\r\n', start, 'latin1');
  return blank < 0 ? undefined : blank + 4;
}

/** The position after a chunked body that begins at `start`, trailers included. */
function chunkedEnd(bytes: Buffer, start: number): number | undefined {
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) return undefined;
    // The last chunk has no data: its line end is the first half of the blank line, or trailers follow.
    if (size === 0) return headEnd(bytes, lineEnd);
    at = lineEnd + 2 + size + 2;
    if (at > bytes.length) return undefined;
  }
}
