/**
 * @module server/fast/admission
 * From the plain requests of one connection to what the engine takes. Clients mostly send the same
 * fields again and again, and then the origin is told the same by them: that is worked out once.
 */
import { Fields } from '../../http/fields.ts';
import type { AdmittedRequest, ReceivedMessage } from '../../proxy.ts';
import type { NodeLane } from '../node.ts';
import type { PlainHead } from './plain-head.ts';

export interface Admitted {
  readonly message: ReceivedMessage;
  readonly admitted: AdmittedRequest;
}

/** Bytes of a head that is remembered for as long as its connection lasts. */
const MAX_REMEMBERED = 4096;

export class Admission {
  readonly #general: NodeLane;
  readonly #clientAddress: string;
  /** The last request whose fields were others than before. */
  #earlier: Admitted | undefined;

  constructor(general: NodeLane, clientAddress: string) {
    this.#general = general;
    this.#clientAddress = clientAddress;
  }

  /** The request that was recognised last; undefined: that is the general lane's to answer. */
  admit(head: PlainHead): Admitted | undefined {
    const { method, target: requestTarget } = head;
    const lines = head.lines();
    const earlier = this.#earlier;
    const httpVersion = head.isHttp10 ? '1.0' : '1.1';
    if (earlier !== undefined && httpVersion === earlier.message.httpVersion && isSame(earlier.message.fields.lines, lines)) {
      const message = { ...earlier.message, method, requestTarget };
      const admitted = this.#general.admitPlain(message, earlier.admitted);
      return admitted && { message, admitted };
    }
    const message: ReceivedMessage = { method, requestTarget, fields: new Fields(lines), httpVersion, scheme: 'http', clientAddress: this.#clientAddress, body: undefined };
    const admitted = this.#general.admitPlain(message);
    if (admitted === undefined) return undefined;
    const found = { message, admitted };
    if (head.length <= MAX_REMEMBERED) this.#earlier = found;
    return found;
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  if (some === others) return true;
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
  return true;
}
