/**
 * @module origin/head-watch
 * Looks at the bytes of a response's head for what llhttp does not tell: it does not know "chunked" where
 * a tab follows, reads the body to the end of the connection instead, and gives the value without the
 * tab. Others read the chunks.
 */

/** Bytes of a head; longer ones are refused by the parser. */
const MAX_HEAD = 65_536;
// https://www.rfc-editor.org/rfc/rfc9112.html#section-5.1: the tab is optional white space, and not part of the value.
const TABBED = /^transfer-encoding:.*\t *\r?$/im;
const INTERIM = /^HTTP\/1\.1 1/;
const END = '\r\n\r\n';

export class HeadWatch {
  /** The beginning of a head; undefined: the final one is over. */
  #begun: string | undefined = '';
  /** Transfer-Encoding ends with a tab. */
  isTabbed = false;

  /** To be called with what comes before the parser gets it. */
  push(chunk: Buffer): void {
    if (this.#begun === undefined) return;
    let text = this.#begun + chunk.toString('latin1', 0, MAX_HEAD);
    for (let end = text.indexOf(END); end !== -1; end = text.indexOf(END)) {
      const head = text.slice(0, end + 2);
      text = text.slice(end + END.length);
      if (INTERIM.test(head)) continue;
      this.isTabbed = TABBED.test(head);
      this.#begun = undefined;
      return;
    }
    this.#begun = text.length > MAX_HEAD ? undefined : text;
  }
}
