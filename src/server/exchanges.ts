/**
 * @module server/exchanges
 * What becomes of a request once a lane has read it, whichever lane that is: to the administration,
 * to PURGE, to the engine, or refused.
 */
import type { Admin } from '../admin/api.ts';
import type { Reply } from '../cache/exchange.ts';
import type { ServedHit } from '../cache/memo.ts';
import { WITHOUT_ORIGIN } from '../cache/outcome.ts';
import { MillraceError } from '../errors.ts';
import type { ProxyParts, ReceivedMessage } from '../proxy.ts';
import { answerAdmin } from './admin-answer.ts';
import { answerAsLast } from './max-forwards.ts';
import { askPage, goPage } from './embedded-pages.ts';
import { type OwnResponse, redirect, refusal, send } from './own-response.ts';
import { PurgeMethod } from './purge-method.ts';

export interface LaneReply extends Reply {
  /** Sends the 100 (Continue) that the client waits for with its body, once; else nothing. */
  continue(): void;
}

/** A request, and where its answer goes. */
export interface Exchange {
  readonly message: ReceivedMessage;
  readonly reply: LaneReply;
  /** ms since the epoch */
  readonly startedAt: number;
  /** The port that the client connected to. */
  readonly port: number | undefined;
  /** Starts what asks the cache or changes it, at once or when what came before on the connection allows it. */
  inTurn(start: () => void): void;
  /** It was a hit. */
  readonly onHit?: ((hit: ServedHit) => void) | undefined;
  /** It is refused, and its answer about to be written. */
  readonly onRefusal?: (error: MillraceError) => void;
  /** Answers in the place of an error page of ours. */
  readonly onFailure?: ((error: MillraceError) => void) | undefined;
}

/** What is told of a request besides how it ended. */
interface Reported extends Pick<Exchange, 'startedAt'> {
  readonly message: Pick<ReceivedMessage, 'method' | 'requestTarget' | 'clientAddress'>;
}

/** How one ended that the engine had no part in. */
interface End {
  readonly status: number;
  /** Of body, sent to the client. */
  readonly bytes: number;
  readonly error?: MillraceError | undefined;
}

export class Exchanges {
  readonly #proxy: ProxyParts;
  readonly #admin: Admin | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #purging: PurgeMethod;

  /** @param onError called for what should not happen */
  constructor(proxy: ProxyParts, admin: Admin | undefined, onError: (error: unknown) => void) {
    this.#proxy = proxy;
    this.#admin = admin;
    this.#onError = onError;
    this.#purging = new PurgeMethod(proxy);
  }

  /** Whether the administration answers it. */
  isAdmin(requestTarget: string): boolean {
    return this.#admin?.owns(requestTarget) === true;
  }

  /** To be called for every request of which admit() is asked elsewhere: whether it shows that a proxy stands in front. */
  look({ fields, httpVersion, scheme, requestTarget }: ReceivedMessage, port: number | undefined): void {
    this.#admin?.look({ fields, httpVersion, port, secure: scheme === 'https' }, requestTarget);
  }

  /** Never throws. What is refused is so in this very turn. */
  answer(exchange: Exchange): void {
    const { message } = exchange;
    try {
      this.look(message, exchange.port);
      if (this.isAdmin(message.requestTarget)) void answerAdmin(this.#admin!, exchange, this.#onError);
      else if (message.method === 'PURGE') exchange.inTurn(() => void this.#purge(exchange));
      else this.#pass(exchange);
    } catch (cause) {
      this.refuse(cause, exchange);
    }
  }

  /** @param cause a defect of ours where it is no MillraceError */
  refuse(cause: unknown, exchange: Exchange): void {
    const error = MillraceError.from(cause);
    if (error.code === 'ERR_INTERNAL') this.#onError(cause);
    if (exchange.onFailure !== undefined) {
      exchange.onFailure(error);
      this.report(exchange, { status: error.status, bytes: 0, error });
      return;
    }
    exchange.onRefusal?.(error);
    this.#send(refusal(error, exchange.message.fields.get('accept'), exchange.message.clientAddress), exchange, error);
  }

  /** Of one that was answered without the engine. */
  report({ message, startedAt }: Reported, { status, bytes, error }: End): void {
    this.#proxy.report({
      startedAt,
      duration: Date.now() - startedAt,
      method: message.method,
      url: message.requestTarget,
      clientAddress: message.clientAddress,
      status,
      result: 'BYPASS',
      reasons: [],
      bytes,
      ...WITHOUT_ORIGIN,
      error,
    });
  }

  #pass(exchange: Exchange): void {
    const { message, reply, startedAt, onHit, onFailure } = exchange;
    const own = answerAsLast(message.method, message.requestTarget, message.fields);
    if (own !== undefined) return this.#send(own, exchange);
    const admitted = this.#proxy.admit(message);
    if (admitted.kind === 'redirect') return this.#send(redirect(admitted.location), exchange);
    if (admitted.kind === 'ask') return this.#send(askPage(admitted.host, admitted.link), exchange);
    if (admitted.kind === 'go') return this.#send(goPage(admitted.location, admitted.cookie), exchange);
    const context = { clientAddress: message.clientAddress, startedAt, decorate: admitted.rewrite, onHit, onFailure };
    exchange.inTurn(() => void this.#proxy.engine.handle(admitted.request, reply, context).finally(() => message.body?.destroy()));
  }

  async #purge(exchange: Exchange): Promise<void> {
    try {
      this.#send(await this.#purging.answer(exchange.message), exchange);
    } catch (cause) {
      this.refuse(cause, exchange);
    }
    exchange.message.body?.destroy();
  }

  #send(response: OwnResponse, exchange: Exchange, error?: MillraceError): void {
    send(exchange.reply, response);
    this.report(exchange, { status: response.status, bytes: exchange.reply.bytesWritten, error });
  }
}
