/**
 * @module config
 * The configuration: the loose options a user writes, and the resolved form, every value present
 * and in one unit (seconds, bytes), that the rest of the program reads.
 */
import { MillraceError } from './errors.ts';
import { OPTION_OF_FIELD } from './config/options.ts';
import type { Option } from './config/options.ts';
import { didYouMean } from './config/suggestion.ts';
import { readTokenFile } from './config/token-file.ts';
import { readValue } from './config/values.ts';
import { isLoopback } from './origin/address.ts';

export interface Config {
  /** Reverse proxy for this origin, e.g. `http://localhost:3000/base`; undefined: embedded-host mode. */
  readonly origin: string | undefined;
  /** A file with the certificates, PEM, of the authorities that an https origin is checked by, in place of the system's; undefined: the system's. */
  readonly originCa: string | undefined;
  /** A file with the certificate to show to an https origin, PEM, for one that asks for it; undefined: none. Given with originKey. */
  readonly originCert: string | undefined;
  /** A file with its private key, PEM. */
  readonly originKey: string | undefined;
  /** Take any certificate from an https origin, unchecked. */
  readonly insecureOrigin: boolean;
  /** 8080 with an origin, 8888 without. 0 takes a free port. */
  readonly port: number;
  readonly host: string;
  /** A file with the certificate to serve https with, PEM; undefined: plain http. Given with tlsKey. */
  readonly tlsCert: string | undefined;
  /** A file with its private key, PEM. */
  readonly tlsKey: string | undefined;
  /** Connections of clients at once; undefined: as many as the limit of open files leaves room for. */
  readonly maxConnections: number | undefined;
  /** Connections at once from one address, but for loopback and `trustProxy`. */
  readonly maxConnectionsPerAddress: number;
  /** Requests under way at once, but for hits that are answered at once. The workers have equal parts of it. */
  readonly maxRequests: number;
  /** Bytes a second that the content of a request has to come at, on average over a minute; 0: it must only not stand still. */
  readonly minBodyRate: number;
  /** Embedded-host mode: the port of a host that names none. */
  readonly upstreamPort: number;
  /** False (--no-cache): everything is passed through. */
  readonly cache: boolean;
  /** Seconds; overrides what responses state. 0 never caches. Undefined: what responses state. */
  readonly ttl: number | undefined;
  /** Seconds a response lives that states no lifetime, where nothing private is in play. */
  readonly defaultTtl: number;
  /** Seconds past its lifetime that a response may stand in for an origin that gives no response. 0: only as the response allows. */
  readonly staleIfError: number;
  /** Seconds that a client waits for the origin where a stale response may be served in its place. */
  readonly staleWait: number;
  /** The letter of RFC 9111 (--preset rfc9111): Set-Cookie stored and replayed, heuristics in spite of cookies, no stale use beside s-maxage. */
  readonly letter: boolean;
  /** Bytes. */
  readonly maxMemory: number;
  /** Bytes of responses that may wait for slow clients, besides what the stores have. The workers have equal parts of it. */
  readonly maxUnread: number;
  /** Where the cache is kept on disk, as seen from the working directory; undefined: in memory alone. */
  readonly cacheDir: string | undefined;
  /** Bytes, of the cache on disk. */
  readonly maxDisk: number;
  /** Redis or Valkey that many machines share, behind memory; see stores/redis-url.ts. Undefined: none. */
  readonly redis: string | undefined;
  /** The same by Memcached: host[:port] of each server. Empty: none. */
  readonly memcached: readonly string[];
  /** Bytes of one stored response. */
  readonly maxObject: number;
  readonly sortQuery: boolean;
  /** Threads that serve clients. */
  readonly workers: number;
  /** Answer plain hits from the raw socket, past node:http; what clients get is the same. */
  readonly fastLane: boolean;
  /** Send Surrogate-Key, Cache-Tag and xkey on to clients. */
  readonly keepTags: boolean;
  /** Send the client's Host to the origin; undefined: where the origin is on this machine or in a private network. */
  readonly preserveHost: boolean | undefined;
  /** Addresses or CIDR ranges whose X-Forwarded-* and Forwarded are believed. */
  readonly trustProxy: readonly string[];
  /** Patterns (`api.example.com`, `*.example.com`, `10.0.0.5:8080`) of hosts that may be reached in embedded-host mode. */
  readonly allowHost: readonly string[];
  /** Header fields that a request may have, and trailer fields: one with more is refused. */
  readonly maxRequestFields: number;
  readonly allowConnect: boolean;
  /** Addresses or CIDR ranges that may send PURGE to the port of the proxy. */
  readonly allowPurge: readonly string[];
  readonly admin: boolean;
  /** Undefined: admin answers on the main port. */
  readonly adminPort: number | undefined;
  /** Nobody administers without it, as bearer token; that of adminTokenFile where that is given. Undefined: see admin/access.ts. */
  readonly adminToken: string | undefined;
  /** A file whose first line is the token; undefined: it is given as it is, or there is none. */
  readonly adminTokenFile: string | undefined;
  readonly logFormat: 'auto' | 'pretty' | 'json' | 'off';
  readonly verbose: boolean;
  /** Seconds in-flight requests may take to finish when the server stops. */
  readonly shutdownTimeout: number;
  /** Seconds to connect to the origin. */
  readonly connectTimeout: number;
  /** Stored responses that are validated in the background at one time, by all workers together; requests that clients wait for are not counted. */
  readonly maxOriginConcurrency: number;
  /** Seconds the origin may take to the head of its response, and between two pieces of body. */
  readonly originTimeout: number;
  /** Connections to one origin at once, but for tunnels; as many more requests wait for up to `connectTimeout`. The workers have equal parts of it. */
  readonly maxOriginConnections: number;
  /** Header fields that an origin may send in one response. */
  readonly maxResponseFields: number;
}

/** Seconds or bytes may be a number or text with a unit; lists may be one text with commas. */
type Loose<Value> = Value extends number ? number | string : Value extends readonly string[] ? Value | string : Value;

/** What a user writes, in `millrace.config.ts` or for the library: any field may be left out. Durations are seconds or text (`5m`), sizes bytes or text (`2GB`). */
export type Options = {
  readonly [Field in keyof Config as Exclude<Field, 'letter'>]?: Loose<Config[Field]> | undefined;
} & {
  /** `rfc9111`: the letter of the RFC, for conformance runs: no default lifetime, Set-Cookie stored and replayed. */
  readonly preset?: 'rfc9111' | undefined;
};

/** Gives a configuration file its types; returns what it is given. */
export function defineConfig(options: Options): Options {
  return options;
}

/**
 * Reads and checks loose options and fills in the defaults.
 * @param nameOf what messages call a field: the command line says `--port`, the library `port`
 * @throws {MillraceError} ERR_CONFIG; the message names the field, what it takes and what it got
 */
export function resolveConfig(options: Options = {}, nameOf: (field: keyof Options) => string = (field) => field): Config {
  for (const field of Object.keys(options)) {
    if (!OPTION_OF_FIELD.has(field)) throw configError(`${nameOf(field as keyof Options)} is no option${didYouMean(field, OPTION_OF_FIELD.keys()) || '.'}`);
  }
  const read = (option: Option, raw: unknown): unknown => {
    const reading = readValue(option, raw);
    if ('refused' in reading) throw configError(`${nameOf(option.field!)} ${reading.refused}`);
    return reading.value;
  };
  const values = new Map<string, unknown>();
  for (const [field, option] of OPTION_OF_FIELD) {
    const given = options[option.field!];
    values.set(field, given !== undefined ? read(option, given) : defaultOf(option));
  }
  const preset = values.get('preset') !== undefined;
  values.delete('preset');
  if (preset && options.defaultTtl === undefined) values.set('defaultTtl', 0);
  values.set('letter', preset);
  if (options.port === undefined) values.set('port', values.get('origin') === undefined ? 8888 : 8080);
  if (options.maxObject === undefined) values.set('maxObject', defaultMaxObject(values.get(values.get('cacheDir') === undefined ? 'maxMemory' : 'maxDisk') as number));
  const tokenFile = values.get('adminTokenFile') as string | undefined;
  if (tokenFile !== undefined) {
    if (options.adminToken !== undefined) throw configError(`${nameOf('adminToken')} and ${nameOf('adminTokenFile')} are the same setting; leave one of them out.`);
    values.set('adminToken', readTokenFile(tokenFile, nameOf('adminTokenFile')));
  }
  // The table of options has every field of Config with a value of its type, as a test makes sure.
  const config = Object.fromEntries(values) as unknown as Config;
  checkTogether(config, options, nameOf);
  return config;
}

/** Bytes of the largest response that is kept where so many can be kept in all. */
export function defaultMaxObject(room: number): number {
  return Math.floor(room / 8);
}

function defaultOf(option: Option): unknown {
  if (option.type === 'flag') return option.defaultWords === undefined ? !option.sets : undefined;
  if (option.type === 'networks' || option.type === 'hosts' || option.type === 'servers') return [];
  if (option.default === undefined) return undefined;
  const reading = readValue(option, option.default);
  return 'value' in reading ? reading.value : undefined;
}

/** What is right one by one, but not together. */
function checkTogether(config: Config, options: Options, nameOf: (field: keyof Options) => string): void {
  const room = config.cacheDir === undefined ? 'maxMemory' : 'maxDisk';
  if (config.maxObject > config[room]) throw configError(`${nameOf('maxObject')} is larger than ${nameOf(room)}; make it smaller, or the other larger.`);
  if (options.maxDisk !== undefined && config.cacheDir === undefined) throw configError(`${nameOf('maxDisk')} has no meaning without ${nameOf('cacheDir')}; name a directory, or leave it out.`);
  const shared = config.redis !== undefined ? 'redis' : config.memcached.length > 0 ? 'memcached' : undefined;
  if (config.redis !== undefined && config.memcached.length > 0) throw configError(`${nameOf('redis')} and ${nameOf('memcached')} have no meaning together; leave one of them out.`);
  if (shared !== undefined && config.cacheDir !== undefined) throw configError(`${nameOf(shared)} stands behind memory, and not behind a disk; leave out ${nameOf('cacheDir')}, or the other.`);
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) throw configError(`${nameOf('tlsCert')} and ${nameOf('tlsKey')} are given together; name the file with the certificate and that with its key.`);
  checkOriginTls(config, nameOf);
  if (!config.admin && config.adminPort !== undefined) throw configError(`${nameOf('adminPort')} has no meaning with ${nameOf('admin')}; leave one of them out.`);
  if (config.adminPort !== undefined && config.adminPort !== 0 && config.adminPort === config.port) {
    throw configError(`${nameOf('adminPort')} is the port of the proxy itself; choose another one, or leave it out to administer on the main port.`);
  }
  if (config.origin !== undefined) {
    for (const field of ['upstreamPort', 'allowHost', 'allowConnect'] as const) {
      if (options[field] !== undefined) throw configError(`${nameOf(field)} has no meaning with ${nameOf('origin')}, where every request goes to the one origin; leave one of them out.`);
    }
  } else if (!isLoopback(config.host) && config.allowHost.length === 0) {
    throw configError(
      `${nameOf('host')} ${config.host} lets others use this proxy, and they could reach any host through it, your internal network too. ` +
        `Name the hosts that may be reached with ${nameOf('allowHost')} (such as *.example.com), or stand in front of one with ${nameOf('origin')}.`,
    );
  }
}

function checkOriginTls(config: Config, nameOf: (field: keyof Options) => string): void {
  for (const field of ['originCa', 'originCert', 'originKey', 'insecureOrigin'] as const) {
    if (config[field] === undefined || config[field] === false || config.origin?.startsWith('https://') === true) continue;
    throw configError(`${nameOf(field)} has no meaning ${config.origin === undefined ? 'without' : 'for a plain http://'} ${nameOf('origin')}; name an https:// origin, or leave it out.`);
  }
  if (config.insecureOrigin && config.originCa !== undefined) throw configError(`${nameOf('insecureOrigin')} and ${nameOf('originCa')} have no meaning together: with the one nothing is checked. Leave one of them out.`);
  if ((config.originCert === undefined) !== (config.originKey === undefined)) throw configError(`${nameOf('originCert')} and ${nameOf('originKey')} are given together; name the file with the certificate and that with its key.`);
}

function configError(message: string): MillraceError {
  return new MillraceError('ERR_CONFIG', message);
}
