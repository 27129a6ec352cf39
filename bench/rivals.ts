/**
 * @module bench/rivals
 * Who races: the servers that are found on this machine, and how one of them is started.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort } from '../test/kit/port.ts';
import { startChild, untilListening } from './child.ts';
import type { Child } from './child.ts';
import { diskDirectory, fastDirectory, findProgram } from './machine.ts';
import { bare } from './peers/bare.ts';
import { haproxy } from './peers/haproxy.ts';
import { httpd } from './peers/httpd.ts';
import { isCompiled, millrace } from './peers/millrace.ts';
import { nginx } from './peers/nginx.ts';
import { isRoot } from './peers/peer.ts';
import type { Peer, Place } from './peers/peer.ts';
import { squid } from './peers/squid.ts';
import { trafficServer } from './peers/traffic-server.ts';
import { varnish } from './peers/varnish.ts';

export const OURS = millrace.name;
export const LIMIT = bare.name;
const PEERS: readonly Peer[] = [millrace, bare, nginx, haproxy, varnish, squid, trafficServer, httpd];

export interface Rival {
  readonly peer: Peer;
  readonly program: string;
  readonly version: string;
}

export interface RunningRival {
  readonly rival: Rival;
  readonly port: number;
  readonly child: Child;
  /** Milliseconds from its start until it listened. */
  readonly startTime: number;
  stop(): Promise<void>;
}

export function rivalNames(): string[] {
  return PEERS.map(({ name }) => name);
}

/** Millrace, and of the others those that are there and wanted. */
export function findRivals(wanted: readonly string[] | undefined): { rivals: Rival[]; missing: Peer[] } {
  const rivals: Rival[] = [];
  const missing: Peer[] = [];
  for (const peer of PEERS) {
    if (peer !== millrace && wanted?.includes(peer.name) === false) continue;
    const program = peer.program.includes('/') ? peer.program : findProgram(peer.program);
    if (program === undefined) missing.push(peer);
    else rivals.push({ peer, program, version: versionOf(peer, program) });
  }
  return { rivals, missing };
}

function versionOf(peer: Peer, program: string): string {
  const { stdout, stderr } = spawnSync(program, peer.versionArgs, { encoding: 'utf8' });
  const number = /\d+\.\d+[.\w]*/u.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
  return peer === millrace ? `${number}, ${isCompiled ? 'compiled' : 'from source'}` : number;
}

export interface Wish extends Omit<Place, 'directory' | 'port'> {
  /** Where a cache on disk has its directory; by default see diskDirectory(). */
  readonly disk: string | undefined;
}

/** Starts it with a directory of its own. Rejects with what it printed where it does not listen. */
export async function startRival(rival: Rival, cores: string | undefined, wish: Wish): Promise<RunningRival> {
  const { peer, program } = rival;
  const directory = mkdtempSync(join(wish.diskMegabytes === undefined ? fastDirectory() : wish.disk ?? diskDirectory(), `millrace-bench-${peer.name}-`));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  // Also where this process ends in the middle.
  process.once('exit', remove);
  const place = { ...wish, directory, port: await freePort() };
  for (const [name, text] of Object.entries(peer.files?.(place) ?? {})) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  if (isRoot && peer.user !== undefined) spawnSync('chown', ['-R', peer.user, directory]);
  const started = performance.now();
  const child = startChild([program, ...peer.args(place)], { cores, directory, toNowhere: place.log !== undefined });
  const stop = async (): Promise<void> => {
    await child.stop();
    remove();
    process.off('exit', remove);
  };
  try {
    await untilListening(child, place.port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { rival, port: place.port, child, startTime: performance.now() - started, stop };
}
