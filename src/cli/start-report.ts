/**
 * @module cli/start-report
 * What a person is told when the proxy has started: where to point the browser, what stands
 * behind it, what is kept for how long, and every setting that gives up a safe default.
 */
import { networkInterfaces } from 'node:os';
import { type Access, accessOf } from '../admin/access.ts';
import type { Config } from '../config.ts';
import { formatDuration, formatSize } from '../config/quantity.ts';
import { forbidden, isLoopback } from '../origin/address.ts';
import { FixedOrigin } from '../origin/fixed-origin.ts';
import type { RunningServer } from '../server/main.ts';
import { parseRedisUrl } from '../stores/redis-url.ts';

export interface Started extends Pick<RunningServer, 'url' | 'adminUrl'> {
  readonly version: string;
  /** How the person starts a command: `millrace`, or `npm start --` in a checkout. */
  readonly command: string;
  /** The stale_time as the operand of the command line; undefined where it was set otherwise. */
  readonly staleTime?: string | undefined;
}

export function startReport(config: Config, { url, adminUrl, version, command, staleTime }: Started): string {
  const lines = [`Millrace ${version} listens on ${url}`];
  if (config.origin === undefined) {
    const example = config.allowHost.find((pattern) => !pattern.includes('*')) ?? 'example.com';
    lines.push(`  open     ${url}/${example}/ for http://${example}/`, `  or run   curl -x ${url} http://${example}/`);
  } else {
    lines.push(`  open     ${url}/ for ${config.origin}/`, `  host     ${whichHost(config.origin, config.preserveHost)}`);
  }
  for (const address of addressesOf(config.host)) lines.push(`  others   ${new URL(url).protocol}//${address}:${new URL(url).port}/`);
  lines.push(`  keeps    ${whatIsKept(config)}`);
  if (staleTime !== undefined && couldBePort(staleTime)) lines.push(`           private pages too; for a port: --port ${staleTime}`);
  if (adminUrl === url) lines.push('  itself   answers /health and /__admin/; the origin does not get these');
  if (adminUrl === undefined) return [...lines, '  stop     Ctrl-C'].join('\n');
  const access = accessOf(config);
  const page = access.kind === 'token' || access.kind === 'commands' ? '' : `, or ${adminUrl}/__admin/stats`;
  lines.push(`  admin    ${whoAdministers(access, command)}`, `  watch    ${command} stats${page}; Ctrl-C stops`);
  return lines.join('\n');
}

function whoAdministers(access: Access, command: string): string {
  switch (access.kind) {
    case 'token':
      return 'needs the token, from this machine too';
    case 'machine':
      return 'needs no token on this machine';
    case 'until-proxied':
      return 'needs no token on this machine, until a request shows a proxy in front of this port';
    case 'commands':
      return `only by ${command} stats, purge and so on: ${access.why}, and there is no token (--admin-token-file)`;
  }
}

/** The addresses by which other machines reach this one, where it listens on all of its addresses. */
function addressesOf(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [];
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.filter(({ internal, family, scopeid }) => !internal && (family === 'IPv4' || (host === '::' && !scopeid))).map(({ family, address }) => (family === 'IPv4' ? address : `[${address}]`));
}

/** A number of seconds that somebody may have meant as the port to listen on. */
function couldBePort(staleTime: string): boolean {
  return /^\d{4,5}$/u.test(staleTime) && Number(staleTime) >= 1024 && Number(staleTime) <= 65_535;
}

/** Which Host the origin gets, and by which option it would get the other. */
function whichHost(origin: string, preserveHost: boolean | undefined): string {
  const fixed = new FixedOrigin(origin);
  const own = `its own, ${fixed.origin.authority}`;
  if (preserveHost !== undefined) return preserveHost ? "the origin gets the client's Host (--preserve-host)" : `the origin gets ${own} (--no-preserve-host)`;
  return fixed.isOwnApplication
    ? "the origin gets the client's Host, as its address is private (--no-preserve-host: its own)"
    : `the origin gets ${own}, as its name is public (--preserve-host: the client's)`;
}

function whatIsKept({ cache, ttl, defaultTtl, maxMemory, cacheDir, maxDisk, redis, memcached }: Config): string {
  if (!cache) return 'nothing (--no-cache)';
  if (ttl === 0) return 'nothing (a lifetime of 0)';
  const disk = cacheDir === undefined ? '' : ` and ${formatSize(maxDisk)} on disk, in ${cacheDir}`;
  // Without the password.
  const shared = redis !== undefined ? parseRedisUrl(redis)!.shown : memcached.length > 0 ? `memcached ${memcached.join(',')}` : undefined;
  const memory = `in ${formatSize(maxMemory)} of memory${disk}${shared === undefined ? '' : `, shared by way of ${shared}`}`;
  if (ttl !== undefined) return `everything for ${formatDuration(ttl)}, ${memory}`;
  return `what responses allow for as long as they state${defaultTtl > 0 ? `, or for up to ${formatDuration(defaultTtl)}` : ''}, ${memory}`;
}

/** A sentence for each setting that gives up a safe default. */
export function unsafeOverrides(config: Config): string[] {
  const { host, ttl, trustProxy, allowHost, allowConnect, cache, letter } = config;
  const open = !isLoopback(host);
  const found: string[] = [];
  if (allowHost.some((pattern) => pattern.replace(/:\d+$/u, '') === '*') && open) {
    found.push(`--allow-host * on ${host}: whoever reaches this port reaches every host this machine can reach, internal ones too.`);
  }
  for (const pattern of allowHost) {
    const what = whatAddress(pattern);
    if (what !== undefined) found.push(`--allow-host ${pattern} opens an address that is refused otherwise: it is ${what}.`);
  }
  if (allowConnect && open) found.push(`--allow-connect on ${host}: whoever reaches this port can open tunnels to the hosts that are allowed.`);
  for (const network of trustProxy) {
    if (/\/0+$/u.test(network)) found.push(`--trust-proxy ${network}: every client is believed about its own address, host and scheme.`);
  }
  for (const network of config.allowPurge) {
    if (/\/0+$/u.test(network)) found.push(`--allow-purge ${network}: every client can have the origin asked again for everything.`);
  }
  if (config.insecureOrigin) found.push(`--insecure-origin: the certificate of ${config.origin} is not checked, so whoever is on the way to it can read and change everything.`);
  if (cache && letter) found.push('--preset rfc9111 stores Set-Cookie and replays it: one client may get the cookie of another.');
  if (cache && ttl !== undefined && ttl > 0) found.push(`a lifetime of ${formatDuration(ttl)} for everything keeps also what responses call private or no-store.`);
  return found;
}

/** Why the address that a pattern names is refused by default; undefined for names, wildcards and other addresses. */
function whatAddress(pattern: string): string | undefined {
  const bare = /^\[(.+)\](?::\d+)?$/u.exec(pattern)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+)(?::\d+)?$/u.exec(pattern)?.[1];
  return bare === undefined ? undefined : forbidden(bare);
}
