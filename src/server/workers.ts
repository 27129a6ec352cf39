/**
 * @module server/workers
 * The main thread of a proxy of several workers. Each worker is a thread that listens on the same
 * port, and the system spreads the connections over them; this one starts them, replaces those that
 * crash, adds up what they count, and stops them.
 */
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { accessMemory } from '../admin/access.ts';
import { Counters, type Tally } from '../cache/counters.ts';
import type { Purge } from '../cache/purger.ts';
import { Backoff } from '../cache/backoff.ts';
import { Leases, MAX_WORKERS } from '../cache/leases.ts';
import { Permits } from '../cache/permits.ts';
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { Common } from '../proxy.ts';
import type { ProxyStats } from '../proxy/stats.ts';
import { storeOfAll } from '../proxy/storage.ts';
import { Line, received } from './line.ts';
import { freePort } from './listening.ts';
import type { RunningServer, ServerHooks } from './running-server.ts';
import type { Answers, MainSide, WorkerSide, WorkerStart } from './worker-calls.ts';

/** This file runs as TypeScript in a checkout, as JavaScript in the package. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** MB; what one thread may have. Stated, so that a worker that exceeds it ends alone, and not the process. */
const HEAP = Math.floor(getHeapStatistics().heap_size_limit / 2 ** 20);

/** Milliseconds a worker has to live for its crash to be no sign that the next will crash as well. */
const LONG_LIFE = 60_000;
/** Milliseconds before a worker is replaced that crashed soon after its start; doubled each time. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 30_000;

/** @throws {MillraceError} ERR_LISTEN where the port cannot be had; what the first worker that cannot start throws */
export async function startWorkers(config: Config, hooks: ServerHooks): Promise<RunningServer> {
  const port = await freePort(config.port, config.host, '--port');
  const adminPort = config.adminPort === undefined || !config.admin ? undefined : await freePort(config.adminPort, config.host, '--admin-port');
  const crew = new Crew({ ...config, port, adminPort }, hooks);
  try {
    const where = await crew.start();
    return {
      ...where,
      port,
      adminSecret: crew.adminSecret,
      stats: () => crew.stats(),
      purge: async (what) => crew.anyone().ask('purgeNamed', what),
      explain: async (url, headers) => crew.anyone().ask('explain', { url, headers }),
      close: () => crew.stop(),
    };
  } catch (error) {
    await crew.end();
    throw error;
  }
}

type Where = Pick<RunningServer, 'url' | 'adminUrl'>;

/** The place of one worker; who crashes leaves it to the next. */
class Seat {
  readonly number: number;
  worker: Worker | undefined;
  line: Line<WorkerSide> | undefined;
  startedAt = 0;
  /** Its worker listens. */
  isReady = false;
  /** Crashes in a row, each soon after the start. */
  failures = 0;
  /** What its worker has counted, as far as is known. */
  tally: Tally | undefined;
  timer: NodeJS.Timeout | undefined;

  constructor(number: number) {
    this.number = number;
  }
}

class Crew {
  readonly #config: Config;
  readonly #hooks: ServerHooks;
  readonly #common: Common;
  readonly #leases: Leases;
  readonly #permits: Permits;
  readonly #backoff: Backoff;
  readonly #access = accessMemory();
  readonly #removeCommon = (): void => this.#common.remove();
  readonly #seats: readonly Seat[];
  readonly #startedAt = Date.now();
  /** What those counted that are no more. */
  readonly #departed = new Counters(this.#startedAt);
  #crashes = 0;
  #isStopping = false;

  constructor(config: Config, hooks: ServerHooks) {
    this.#common = new Common(config, (text) => hooks.onNotice?.(text), async (purge) => void (await this.#ofAll((line) => line.ask('purgedElsewhere', purge))));
    process.once('exit', this.#removeCommon);
    this.#config = this.#common.config;
    this.#hooks = hooks;
    this.#leases = new Leases(this.#common.memory.leases, MAX_WORKERS);
    this.#permits = new Permits(this.#common.memory.permits, MAX_WORKERS);
    this.#backoff = new Backoff(this.#common.memory.backoff, MAX_WORKERS);
    this.#seats = Array.from({ length: config.workers }, (_, i) => new Seat(i + 1));
  }

  get adminSecret(): string {
    return this.#access.secret;
  }

  /** Resolves when all listen; rejects when one cannot. */
  async start(): Promise<Where> {
    const [first] = await Promise.all(this.#seats.map((seat) => this.#fill(seat)));
    return first!;
  }

  /** The line of a worker that listens. @throws {MillraceError} ERR_SHUTTING_DOWN where there is none */
  anyone(): Line<WorkerSide> {
    const line = this.#seats.find(({ isReady }) => isReady)?.line;
    if (line === undefined) throw new MillraceError('ERR_SHUTTING_DOWN', 'No worker is running now. Try again in a second, unless the server is stopping.');
    return line;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const { timer } of this.#seats) clearTimeout(timer);
    await this.#ofAll((line) => line.ask('stop', undefined));
    await this.end();
  }

  /** At once. */
  async end(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#seats.map(async ({ worker }) => worker?.terminate()));
    await this.#common.close();
    process.off('exit', this.#removeCommon);
  }

  /** Starts a worker in that place. */
  #fill(seat: Seat): Promise<Where> {
    const { log, source } = this.#hooks;
    const start: WorkerStart = { number: seat.number, config: this.#config, source, shared: this.#common.memory, access: this.#access, log: log?.look, isObserved: this.#hooks.onOutcome !== undefined };
    const worker = new Worker(WORKER, { workerData: start, resourceLimits: { maxOldGenerationSizeMb: HEAP } });
    const { threadId } = worker;
    const started = Promise.withResolvers<Where>();
    let cause: Error | undefined;
    const line = new Line<WorkerSide>(worker, {
      ready: (where) => {
        seat.isReady = true;
        started.resolve(where);
      },
      failed: (error) => {
        cause = received(error);
        void worker.terminate();
      },
      counted: (tally) => void (seat.tally = tally),
      log: (lines) => log?.append(lines),
      outcomes: (list) => {
        for (const outcome of list) this.#hooks.onOutcome?.({ ...outcome, error: outcome.error && MillraceError.from(received(outcome.error)) });
      },
      notice: (text) => this.#hooks.onNotice?.(text),
      error: (error) => this.#hooks.onError?.(received(error)),
      stats: () => this.stats(),
      purge: (what) => this.purge(what, seat.number),
      raised: (cell) => this.#common.tie?.fleet.raised(cell),
      changed: (change) => this.#common.tie?.fleet.changed(change),
      settle: async () => this.#common.tie?.fleet.settle(),
    } satisfies Answers<MainSide>);
    worker.on('error', (error) => (cause = error instanceof Error ? error : new Error(String(error))));
    worker.once('exit', () => {
      line.cut();
      const failure = cause ?? new Error('It ended without an error.');
      started.reject(failure);
      void this.#common.threadEnded(threadId);
      this.#left(seat, failure);
    });
    Object.assign(seat, { worker, line, startedAt: performance.now(), isReady: false });
    return started.promise;
  }

  /** Its worker has ended: another takes its place, unless that is what was wanted. */
  #left(seat: Seat, failure: Error): void {
    const wasReady = seat.isReady;
    Object.assign(seat, { worker: undefined, line: undefined, isReady: false });
    this.#leases.release(seat.number);
    this.#permits.release(seat.number);
    this.#backoff.release(seat.number);
    if (seat.tally !== undefined) this.#departed.add(seat.tally);
    seat.tally = undefined;
    // One that fails before all have started ends the start.
    if (this.#isStopping || (!wasReady && this.#crashes === 0)) return;
    this.#crashes++;
    seat.failures = performance.now() - seat.startedAt > LONG_LIFE ? 1 : seat.failures + 1;
    const delay = seat.failures === 1 ? 0 : Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (seat.failures - 2));
    const words = delay === 0 ? 'Another takes its place' : `Another takes its place in ${delay / 1000} s, as ${seat.failures} crashed one after the other`;
    this.#hooks.onNotice?.(`worker ${seat.number} crashed, and the requests it had under way are lost. ${words}. It ended with: ${failure.stack ?? failure.message}`);
    seat.timer = setTimeout(() => {
      // Its failure to start is told by its end.
      this.#fill(seat).catch(() => undefined);
    }, delay);
  }

  async stats(): Promise<ProxyStats> {
    const now = Date.now();
    const reports = await this.#ofAll((line) => line.ask('report', undefined));
    const sum = new Counters(this.#startedAt);
    sum.add(this.#departed.tally());
    for (const { tally } of reports) sum.add(tally);
    const workers = reports.map(({ number, tally }) => {
      const own = new Counters(this.#startedAt);
      own.add(tally);
      const { requests, hits } = own.stats(now);
      return { number, requests, hits };
    });
    return { ...sum.stats(now), store: storeOfAll(reports.map(({ store }) => store)), unreadBytes: reports.reduce((bytes, { unreadBytes }) => bytes + unreadBytes, 0), workers, crashes: this.#crashes };
  }

  /**
   * In force on all workers when it resolves.
   * @param first removes it from the store they share; the others then from their memories
   */
  async purge(what: Purge, first: number): Promise<number | undefined> {
    const purged = await this.#seats[first - 1]!.line!.ask('purge', what);
    await this.#ofAll(async (line, number) => (number === first ? undefined : line.ask('purge', what)));
    const { tie } = this.#common;
    return tie === undefined || (await tie.tell(what)) ? purged : undefined;
  }

  /** The answers of all that did not end meanwhile. */
  async #ofAll<T>(ask: (line: Line<WorkerSide>, number: number) => Promise<T>): Promise<T[]> {
    const answers = await Promise.allSettled(this.#seats.flatMap(({ line, number }) => (line === undefined ? [] : [ask(line, number)])));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }
}
