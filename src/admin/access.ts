/**
 * @module admin/access
 * Who may administer by a configuration. The commands of the user who started Millrace always may: they
 * know a secret of this start.
 */
import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { isLoopback } from '../origin/address.ts';
import { FrontProxy } from './front-proxy.ts';
import { Gate } from './gate.ts';

export type Access =
  /** Whoever has the configured token, and nobody without one. */
  | { readonly kind: 'token' }
  /** Programs on this machine: the port is the administration's own. */
  | { readonly kind: 'machine' }
  /** Programs on this machine, until a request shows that a proxy stands in front. */
  | { readonly kind: 'until-proxied' }
  /** The commands alone; why, as the rest of a sentence. */
  | { readonly kind: 'commands'; readonly why: string };

export function accessOf({ adminToken, adminPort, host, trustProxy }: Config): Access {
  if (adminToken !== undefined) return { kind: 'token' };
  if (adminPort !== undefined) return { kind: 'machine' };
  if (!isLoopback(host)) return { kind: 'commands', why: `the port is open to other machines (--host ${host})` };
  if (trustProxy.length > 0) return { kind: 'commands', why: 'a proxy stands in front (--trust-proxy)' };
  return { kind: 'until-proxied' };
}

/** What all workers have in common. */
export interface AccessMemory {
  /** A token that is valid for this start. */
  readonly secret: string;
  /** See FrontProxy. */
  readonly front: SharedArrayBuffer;
}

export function accessMemory(): AccessMemory {
  return { secret: randomBytes(24).toString('base64url'), front: FrontProxy.memory() };
}

/** @param onNotice told what an operator should know */
export function openGate(config: Config, { secret, front }: AccessMemory, onNotice: (text: string) => void): Gate {
  const access = accessOf(config);
  return new Gate({
    tokens: config.adminToken === undefined ? [secret] : [config.adminToken, secret],
    why: access.kind === 'token' ? 'one was given at the start' : access.kind === 'commands' ? access.why : undefined,
    front: access.kind === 'until-proxied' ? new FrontProxy(front, (trace) => onNotice(notice(trace))) : undefined,
    anyHost: config.origin === undefined,
    isOwnPort: config.adminPort !== undefined,
  });
}

function notice(trace: string): string {
  return (
    `a request ${trace}. A proxy on this machine may have passed it on, and everybody it serves would count as a program on this machine. ` +
    'From now on /__admin/ needs a token (start with --admin-token-file FILE) or a port of its own (--admin-port N). The commands, such as millrace stats, go on to work.'
  );
}
