/**
 * @module bench/peers/bare
 * The limit, as a rival: bench/bare.ts.
 */
import { join } from 'node:path';
import type { Peer } from './peer.ts';

export const bare: Peer = {
  name: 'bare',
  program: process.execPath,
  versionArgs: ['--version'],
  args: ({ port }) => [join(import.meta.dirname, '../bare.ts'), String(port)],
};
