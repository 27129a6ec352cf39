/**
 * @module server/line
 * Questions between two threads: each side has methods the other may call, and answers come back as
 * promises. What is called and answered has to be plain data.
 */
import { type ErrorCode, MillraceError } from '../errors.ts';

/** A MessagePort or a Worker. */
export interface Port {
  postMessage(value: unknown): void;
  on(event: 'message', listener: (value: unknown) => void): unknown;
}

/** The methods of one side, as the other sees them. */
type Side<Methods> = { readonly [Name in keyof Methods]: (argument: never) => unknown };

interface Told {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

type Message =
  | { readonly kind: 'call'; readonly name: string; readonly argument: unknown; readonly id: number | undefined }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: Told };

export class Line<Theirs extends Side<Theirs>> {
  readonly #port: Port;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #isCut = false;

  /** @param ours what the other side may call */
  constructor(port: Port, ours: object) {
    this.#port = port;
    port.on('message', (message) => this.#take(message as Message, ours as Record<string, (argument: unknown) => unknown>));
  }

  /** Calls a method of the other side. Rejects with what it throws, and when the line is cut. */
  async ask<Name extends keyof Theirs & string>(name: Name, argument: Parameters<Theirs[Name]>[0]): Promise<Awaited<ReturnType<Theirs[Name]>>> {
    if (this.#isCut) throw gone();
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#port.postMessage({ kind: 'call', name, argument, id } satisfies Message);
    return (await answer.promise) as Awaited<ReturnType<Theirs[Name]>>;
  }

  /** The same where nobody waits for an answer. */
  tell<Name extends keyof Theirs & string>(name: Name, argument: Parameters<Theirs[Name]>[0]): void {
    if (!this.#isCut) this.#port.postMessage({ kind: 'call', name, argument, id: undefined } satisfies Message);
  }

  /** The other side is no more: nothing it was asked will be answered. */
  cut(): void {
    this.#isCut = true;
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
  }

  #take(message: Message, ours: Record<string, (argument: unknown) => unknown>): void {
    if (message.kind === 'call') {
      void this.#answer(message.id, ours[message.name]!, message.argument);
      return;
    }
    const answer = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'answer') answer?.resolve(message.value);
    else answer?.reject(received(message.error));
  }

  async #answer(id: number | undefined, method: (argument: unknown) => unknown, argument: unknown): Promise<void> {
    if (id === undefined) return void method(argument);
    let message: Message;
    try {
      message = { kind: 'answer', id, value: await method(argument) };
    } catch (error) {
      message = { kind: 'failure', id, error: told(error) };
    }
    if (!this.#isCut) this.#port.postMessage(message);
  }
}

/** An error as plain data: a copy between threads would lose its class and code. */
export function told(error: unknown): Told {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: error instanceof MillraceError ? error.code : undefined, message, stack };
}

/** The error again. */
export function received({ code, message, stack }: Told): Error {
  const error = code === undefined ? new Error(message) : new MillraceError(code, message);
  return Object.assign(error, { stack });
}

function gone(): Error {
  return new Error('The other thread has ended.');
}
