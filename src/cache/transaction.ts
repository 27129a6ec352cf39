/**
 * @module cache/transaction
 * One request in the engine's hands: writes the heads of its replies, and gathers what its outcome tells.
 */
import type { MillraceError } from '../errors.ts';
import { formatCacheStatus } from '../http/cache-status.ts';
import type { Fields } from '../http/fields.ts';
import { problem } from '../http/problem.ts';
import type { RequestHead } from '../policy/message.ts';
import type { Reason } from '../policy/reason.ts';
import type { Decision } from '../policy/reuse.ts';
import type { ClientRequest, Reply } from './exchange.ts';
import type { Landing } from './fetcher.ts';
import { queryKey, urlOf } from './key.ts';
import type { ServedHit } from './memo.ts';
import type { CacheResult, Outcome } from './outcome.ts';
import { readContent } from './query.ts';

/** What the lane knows of a request besides the request. */
export interface Context {
  readonly clientAddress: string;
  /** ms since the epoch */
  readonly startedAt: number;
  /** Changes the fields of a response on their way to the client (URLs of embedded hosts). */
  readonly decorate?: ((fields: Fields) => void) | undefined;
  /** Called for a hit once its head is sent: the answer can be given again. */
  readonly onHit?: ((hit: ServedHit) => void) | undefined;
  /** Answers in the place of an error page of ours. */
  readonly onFailure?: ((error: MillraceError) => void) | undefined;
}

/** What Cache-Status tells of one reply, besides what the transaction knows. */
interface Sent {
  readonly result: CacheResult;
  /** Seconds of freshness left. */
  readonly ttl?: number;
  /** Seconds; set as Age where the response comes from the store. */
  readonly age?: number;
}

export class Transaction {
  request: ClientRequest;
  head: RequestHead;
  readonly reply: Reply;
  key: string;
  /** The content of a QUERY that is part of the key. */
  content: Buffer | undefined;
  /** What was decided first; undefined until then. */
  decision: Decision | undefined;
  reasons: readonly Reason[] = [];
  result: CacheResult = 'MISS';
  /** It is being stored, or, once the exchange is over, was stored. */
  stored = false;
  /** Whether the response that this request brought will have been stored. */
  storing: Promise<boolean> | undefined;
  collapsed = false;
  /** For a fetch of another worker. */
  hasWaited = false;
  /** How many leases had ended when it was looked up. */
  leasesEnded = 0;
  originStatus: number | undefined;
  originDuration: number | undefined;
  error: MillraceError | undefined;
  readonly onHit: ((hit: ServedHit) => void) | undefined;
  readonly #context: Context;
  readonly #withheld: readonly string[];
  #status = 499;

  /** @param withheld names of fields that are for the cache and not for clients */
  constructor(key: string, request: ClientRequest, reply: Reply, context: Context, withheld: readonly string[]) {
    this.#withheld = withheld;
    this.key = key;
    this.request = request;
    this.reply = reply;
    this.#context = context;
    this.onHit = context.onHit;
    this.head = { method: request.method, fields: request.fields, hasBody: request.body !== undefined, url: urlOf(request.target) };
  }

  /** Reads the content of a QUERY, which is part of its key, where it is short enough to be read whole. */
  async readContent(sortQuery: boolean): Promise<void> {
    const { request } = this;
    const content = request.body === undefined ? Buffer.alloc(0) : await readContent(request.body);
    if (!Buffer.isBuffer(content)) {
      this.request = { ...request, body: content };
      return;
    }
    const fields = request.fields.clone().set('Content-Length', String(content.length));
    this.content = content;
    this.key = queryKey(request.target, sortQuery, fields, content);
    this.request = { ...request, fields, body: undefined };
    this.head = { ...this.head, fields, hasBody: false };
  }

  /** Notes what the origin took and answered. */
  landed({ originStatus, originDuration }: Landing): void {
    this.originStatus = originStatus;
    this.originDuration = originDuration;
  }

  /** Sends an interim response; others may be sent the same fields. */
  informational(status: number, fields: Fields): void {
    const own = fields.clone().delete('alt-svc');
    this.#context.decorate?.(own);
    this.reply.informational(status, own);
  }

  /** Sends the head of a reply, with what happened written into it. `fields` become the reply's own. */
  sendHead(status: number, fields: Fields, length: number | undefined, sent: Sent): void {
    this.result = sent.result;
    this.#status = status;
    // https://www.rfc-editor.org/rfc/rfc9111.html#section-5.1
    if (sent.age !== undefined) fields.set('Age', String(Math.floor(sent.age)));
    for (const name of this.#withheld) fields.delete(name);
    fields.set('X-Cache', sent.result);
    fields.append('Cache-Status', this.#cacheStatus(status, sent));
    this.#context.decorate?.(fields);
    this.reply.head(status, fields, length);
  }

  /** Answers with the error, or where a head is already sent breaks the message off. */
  fail(error: MillraceError): void {
    this.error = error;
    if (this.reply.closed) return;
    if (this.reply.headSent) {
      this.reply.abort();
      return;
    }
    const result = this.decision?.action === 'bypass' ? 'BYPASS' : 'MISS';
    if (this.#context.onFailure !== undefined) {
      this.result = result;
      this.#status = error.status;
      this.#context.onFailure(error);
      return;
    }
    const { status, fields, body } = problem(error, this.request.fields.get('accept'), this.#context.clientAddress);
    this.sendHead(status, fields, body.length, { result });
    if (this.request.method !== 'HEAD') this.reply.write(body);
    this.reply.end();
  }

  outcome(now: number): Outcome {
    return {
      startedAt: this.#context.startedAt,
      duration: now - this.#context.startedAt,
      method: this.request.method,
      url: this.request.url,
      clientAddress: this.#context.clientAddress,
      status: this.#status,
      result: this.result,
      reasons: this.reasons,
      bytes: this.reply.bytesWritten,
      originDuration: this.originDuration,
      originStatus: this.originStatus,
      stored: this.stored,
      collapsed: this.collapsed,
      error: this.error,
    };
  }

  /** https://www.rfc-editor.org/rfc/rfc9211.html#section-2 */
  #cacheStatus(status: number, { result, ttl }: Sent): string {
    const decision = this.decision;
    const went = decision !== undefined && 'forward' in decision ? decision.forward : undefined;
    const hit = result === 'HIT' || (result === 'STALE' && went === undefined);
    return formatCacheStatus({
      hit,
      fwd: hit ? undefined : went,
      fwdStatus: this.originStatus === status ? undefined : this.originStatus,
      ttl: ttl === undefined ? undefined : Math.floor(ttl),
      stored: this.stored,
      collapsed: this.collapsed && !hit,
      detail: this.error?.code ?? (result === 'HIT' ? undefined : this.reasons[0]?.code),
    });
  }
}
