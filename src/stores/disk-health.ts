/**
 * @module stores/disk-health
 * Whether the disk store can be read and written, and what a user is told of it: once when it
 * begins, by whichever thread meets it first, and once when it is over. Nothing that goes wrong here
 * ends a request.
 */
import type { DiskDirectory } from './disk-directory.ts';
import type { DiskCounts } from './disk-shared.ts';

/** Milliseconds until writing is tried again after it failed. */
const RETRY = 1000;
/** Milliseconds without a failure until it is over: a nearly full disk takes small objects and refuses large ones. */
const CALM = 5000;

export class DiskHealth {
  readonly #path: string;
  readonly #directory: DiskDirectory | undefined;
  readonly #counts: DiskCounts;
  readonly #onNotice: ((text: string) => void) | undefined;
  /** When this thread tries again to write; undefined: at once. */
  #retryAt: number | undefined;
  /** When it failed last; undefined: that is over. */
  #failedAt: number | undefined;
  #isDamaged = false;

  /** @param directory of the thread that opened it */
  constructor(path: string, directory: DiskDirectory | undefined, counts: DiskCounts, onNotice: ((text: string) => void) | undefined) {
    this.#path = path;
    this.#directory = directory;
    this.#counts = counts;
    this.#onNotice = onNotice;
  }

  /** Nothing is stored any more, as the index cannot be trusted. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** It is worth trying. */
  get isWritable(): boolean {
    return !this.#isDamaged && (this.#retryAt === undefined || performance.now() >= this.#retryAt);
  }

  notice(text: string): void {
    this.#onNotice?.(text);
  }

  readFailed(error: unknown): void {
    this.#counts.add('errors');
    if (isDamage(error)) this.#indexDamaged(error);
    else this.notice(`The cache in ${this.#path} cannot be read: ${(error as Error).message}. What cannot be read is fetched again.`);
  }

  writeFailed(error: unknown): void {
    this.#counts.add('errors');
    if (isDamage(error)) return this.#indexDamaged(error);
    if (this.#counts.add('failures') === 0) {
      this.notice(`Nothing can be stored in ${this.#path} now: ${(error as Error).message}. Responses are served without being stored there until it can be written again.`);
    }
    this.#failedAt = performance.now();
    this.#retryAt = this.#failedAt + RETRY;
  }

  /** Something could be written. */
  wrote(): void {
    this.#retryAt = undefined;
    if (this.#failedAt === undefined || performance.now() < this.#failedAt + CALM) return;
    this.#failedAt = undefined;
    if (this.#counts.set('failures', 0) > 0) this.notice(`${this.#path} can be written again; responses are stored there.`);
  }

  /** Takes one step of closing the store; false where it failed, which an operator is told of and which keeps nobody from stopping. */
  async closes(step: () => void | Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      this.#counts.add('errors');
      this.notice(`The cache in ${this.#path} could not be written out before it was closed: ${(error as Error).message}. The next start uses it as it is, and begins empty where the machine restarts before that.`);
      return false;
    }
  }

  #indexDamaged(error: unknown): void {
    if (this.#isDamaged) return;
    this.#isDamaged = true;
    this.notice(`The index of the cache in ${this.#path} is damaged: ${(error as Error).message}. Nothing more is stored there, and the next start begins empty.`);
    this.#directory?.markDamaged();
  }
}

/** https://www.sqlite.org/rescode.html: SQLITE_CORRUPT, SQLITE_NOTADB */
export function isDamage(error: unknown): boolean {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' && ((code & 0xff) === 11 || (code & 0xff) === 26);
}
