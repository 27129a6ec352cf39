/**
 * @module conformance/self
 * Starts Millrace in front of the scripted origin, as a user would start it for such a run.
 */
import { resolveConfig } from '../../src/config.ts';
import { startServer } from '../../src/server/main.ts';
import { FAST_LANE } from '../kit/proxy.ts';
import type { Mode } from './expected.ts';
import type { RunningCache } from './peers.ts';

/** Millrace in that mode; a defect of its own is told to `onError`. */
export async function startSelf(mode: Mode, originPort: number, onError: (error: unknown) => void): Promise<RunningCache> {
  const config = resolveConfig({
    origin: `http://127.0.0.1:${originPort}`,
    host: '127.0.0.1',
    port: 0,
    shutdownTimeout: 0,
    fastLane: FAST_LANE,
    ...(mode === 'rfc9111' ? { preset: 'rfc9111' } : { defaultTtl: 0 }),
  });
  return startServer(config, { onError });
}
