/**
 * @module config/descriptors
 * How many files and connections the system lets this process have open, and how many of them are for
 * clients: as many again are for origins.
 */
import { readFileSync } from 'node:fs';

/** File descriptors of the process itself, and of each worker, beside those of connections. */
const OWN_DESCRIPTORS = 48;
const WORKER_DESCRIPTORS = 16;
/** Where the system states no limit, or a larger one. */
const MOST_CONNECTIONS = 50_000;
/** A proxy with fewer is of no use, whatever the limit. */
const FEWEST_CONNECTIONS = 8;

/** Open files that the system allows this process; undefined where it does not say. */
export function descriptorLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // Only Linux has the file. The report takes some ms.
    const { userLimits } = process.report.getReport() as unknown as { userLimits?: { open_files?: { soft: number | string } } };
    const soft = Number(userLimits?.open_files?.soft);
    return Number.isFinite(soft) ? soft : undefined;
  }
}

/** Connections of clients for which there are descriptors: each may need one to the origin. */
export function defaultMaxConnections(descriptors: number | undefined, workers: number): number {
  if (descriptors === undefined) return MOST_CONNECTIONS;
  const free = descriptors - OWN_DESCRIPTORS - workers * WORKER_DESCRIPTORS;
  return Math.min(MOST_CONNECTIONS, Math.max(FEWEST_CONNECTIONS, Math.floor(free / 2)));
}
