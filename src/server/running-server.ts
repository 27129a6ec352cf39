/**
 * @module server/running-server
 * What starting a proxy takes and gives, whether it is one thread or several.
 */
import type { Operations } from '../admin/operations.ts';
import type { Outcome } from '../cache/outcome.ts';
import type { ConfigSource } from '../config/file.ts';
import type { AccessLog } from './access-log.ts';

export interface ServerHooks {
  /** Called once for each finished request. */
  onOutcome?(outcome: Outcome): void;
  /** Gets a line for each finished request. */
  readonly log?: AccessLog;
  /** Where the configuration came from, for workers to read it again; only a file can hold functions for them. */
  readonly source?: ConfigSource;
  /** Called for what an operator should know. */
  onNotice?(text: string): void;
  /** Called for what should not happen: a defect of ours that cost one request. */
  onError?(error: unknown): void;
}

export interface RunningServer extends Pick<Operations, 'stats' | 'purge' | 'explain'> {
  /** `http://host:port` (or https, with a certificate) as a client on this machine writes it. */
  readonly url: string;
  /** Where /health and /__admin/ answer; undefined with --no-admin. */
  readonly adminUrl: string | undefined;
  readonly port: number;
  /** A token that the administration takes until the server stops. */
  readonly adminSecret: string;
  /** Stops listening, lets requests in flight finish for up to `shutdownTimeout`, then cuts them. */
  close(): Promise<void>;
}
