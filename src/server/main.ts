/**
 * @module server/main
 * Starts a proxy: in this thread, or in several.
 */
import type { Config } from '../config.ts';
import { canSharePort } from './listening.ts';
import type { RunningServer, ServerHooks } from './running-server.ts';
import { startThread } from './thread.ts';
import { startWorkers } from './workers.ts';

export type { RunningServer, ServerHooks };

/**
 * @param canShare whether several threads can listen on one port here
 * @throws {MillraceError} ERR_LISTEN where the port cannot be had, ERR_CONFIG, ERR_STORE where cacheDir cannot be used
 */
export async function startServer(config: Config, hooks: ServerHooks = {}, canShare: () => Promise<boolean> = canSharePort): Promise<RunningServer> {
  if (config.workers === 1) return startThread(config, hooks);
  if (await canShare()) return startWorkers(config, hooks);
  hooks.onNotice?.(`this system cannot spread the connections of one port over ${config.workers} workers, so one does the work.`);
  return startThread({ ...config, workers: 1 }, hooks);
}
