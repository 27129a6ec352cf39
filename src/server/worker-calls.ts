/**
 * @module server/worker-calls
 * What the main thread and its workers ask of each other, and what a worker is given at its start.
 */
import type { AccessMemory } from '../admin/access.ts';
import type { HeaderLine } from '../admin/operations.ts';
import type { Purge as NamedPurge } from '../admin/purge.ts';
import type { Tally } from '../cache/counters.ts';
import type { Explanation } from '../cache/explanation.ts';
import type { Outcome } from '../cache/outcome.ts';
import type { StoreStats } from '../cache/store-stats.ts';
import type { Purge } from '../cache/purger.ts';
import type { Config } from '../config.ts';
import type { ConfigSource } from '../config/file.ts';
import type { SharedMemory } from '../proxy.ts';
import type { ProxyStats } from '../proxy/stats.ts';
import type { PrefixPurge } from '../stores/coherence.ts';
import type { Change } from '../stores/fleet.ts';
import type { LogLook } from './access-log.ts';
import type { told } from './line.ts';

/** Plain data, copied into the worker. */
export interface WorkerStart {
  /** From 1; the one that takes the place of another has its number. */
  readonly number: number;
  readonly config: Config;
  /** Where the configuration came from: what is no plain data in it is read from there by each worker. */
  readonly source: ConfigSource | undefined;
  readonly shared: SharedMemory;
  readonly access: AccessMemory;
  /** Undefined: no log is kept. */
  readonly log: LogLook | undefined;
  /** Somebody in the main thread wants to be told outcomes. */
  readonly isObserved: boolean;
}

export interface ExplainRequest {
  readonly url: string;
  readonly headers: readonly HeaderLine[];
}

export interface Report {
  readonly number: number;
  readonly tally: Tally;
  readonly store: StoreStats;
  readonly unreadBytes: number;
}

/** An outcome with its error as plain data. */
export interface ToldOutcome extends Omit<Outcome, 'error'> {
  readonly error: ReturnType<typeof told> | undefined;
}

/** What a worker can be asked. */
export interface WorkerSide {
  report(nothing?: undefined): Report;
  purge(what: Purge): Promise<number | undefined>;
  /** Of a prefix, by another machine. */
  purgedElsewhere(purge: PrefixPurge): Promise<void>;
  /** On all workers, named as people do. */
  purgeNamed(what: NamedPurge): Promise<number | undefined>;
  explain(request: ExplainRequest): Promise<Explanation>;
  /** Stops as RunningServer.close() does. */
  stop(nothing?: undefined): Promise<void>;
}

/** What the main thread can be asked. */
export interface MainSide {
  /** It listens. */
  ready(where: { readonly url: string; readonly adminUrl: string | undefined }): void;
  /** It could not start. */
  failed(error: ReturnType<typeof told>): void;
  /** What it has counted so far, so that not all is lost when it ends in a crash. */
  counted(tally: Tally): void;
  /** Whole lines of the access log. */
  log(lines: Uint8Array<ArrayBuffer>): void;
  outcomes(list: readonly ToldOutcome[]): void;
  /** What an operator should know. */
  notice(text: string): void;
  error(error: ReturnType<typeof told>): void;
  /** Of all workers. */
  stats(nothing?: undefined): Promise<ProxyStats>;
  /** On all workers. */
  purge(what: Purge): Promise<number | undefined>;
  /** A cell of the stamps was raised; other machines have to know. */
  raised(cell: number): void;
  /** What other machines share was changed; see stores/fleet.ts. */
  changed(change: Change): void;
  /** Answered when what was raised until now is known to other machines, or cannot be told now. */
  settle(nothing?: undefined): Promise<void>;
}

/** The methods of a side, as it has them itself: an answer may come later. */
export type Answers<Side> = {
  readonly [Name in keyof Side]: Side[Name] extends (argument: infer Argument) => infer Answer ? (argument: Argument) => Answer | Promise<Awaited<Answer>> : never;
};
