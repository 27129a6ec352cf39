/**
 * @module millrace
 * The library: the same proxy the command runs, to attach to a server of your own (createProxy), or
 * with one of its own (startServer).
 *
 * ```ts
 * const proxy = createProxy({ origin: 'http://localhost:3000' });
 * const server = http.createServer(proxy.handler).on('upgrade', proxy.upgrade);
 * ```
 */
// First: it says which Node.js is needed where this one is older.
import './library/supported-node.ts';

export type { Purge } from './admin/purge.ts';
export type { CounterStats, Timing } from './cache/counters.ts';
export type { Explanation } from './cache/explanation.ts';
export type { CacheResult, Outcome } from './cache/outcome.ts';
export type { StoreStats } from './cache/store-stats.ts';
export { type Config, type Options, defineConfig } from './config.ts';
export { type ErrorCode, MillraceError } from './errors.ts';
export { type MillraceProxy, createProxy } from './library/proxy.ts';
export { type MillraceServer, type ServerListeners, startServer } from './library/server.ts';
export type { Reason, ReasonCode } from './policy/reason.ts';
export type { ProxyStats } from './proxy/stats.ts';
