/**
 * @module config/options
 * Every option, declared once: the command line, its help, the check of a configuration file and
 * the table in the README all derive from this one.
 */
import type { Options } from '../config.ts';

export type OptionType = 'flag' | 'integer' | 'duration' | 'size' | 'url' | 'string' | 'path' | 'token' | 'address' | 'networks' | 'hosts' | 'list' | 'redis' | 'servers' | 'choice' | 'workers';

export type CommandName = 'serve' | 'clear-cache' | 'stats' | 'purge' | 'explain' | 'warm' | 'demo';

export interface Option {
  /** As on the command line, without the dashes. */
  readonly name: string;
  readonly short?: string;
  readonly type: OptionType;
  /** What stands for the value in the help; absent for flags. */
  readonly value?: string;
  /** The field of the configuration it sets; absent where it only steers the command line. */
  readonly field?: keyof Options;
  /** For flags: what the field becomes; its default is the opposite, or undefined where `defaultWords` say what it hangs on. */
  readonly sets?: boolean;
  /** As a user would write it. */
  readonly default?: string;
  /** Words for a default that hangs on other options. */
  readonly defaultWords?: string;
  /** The least and the most, as a user would write them. */
  readonly min?: string;
  readonly max?: string;
  readonly choices?: readonly string[];
  /** One line. */
  readonly doc: string;
  /** The same where a command asks a running instance. */
  readonly clientDoc?: string;
  /** The heading it stands under in the help of `millrace` itself. */
  readonly group?: 'Listening' | 'Origin' | 'Caching' | 'Access' | 'Running';
  /** The commands that take it; "serve" (the proxy itself) and "clear-cache" (its flag) are no words. */
  readonly commands: readonly CommandName[];
}

const SERVE: readonly CommandName[] = ['serve'];
/** They ask a running instance. */
const CLIENTS: readonly CommandName[] = ['clear-cache', 'stats', 'purge', 'explain'];
const EVERY: readonly CommandName[] = ['serve', ...CLIENTS, 'warm', 'demo'];

/** Also the longest delta-seconds a cache must tell apart: https://www.rfc-editor.org/rfc/rfc9111.html#section-1.2.2 */
const LONGEST_LIFETIME = '2147483648';
/** A timer of Node ends at 24.8 days; nobody waits longer than one for an exchange. */
const LONGEST_WAIT = '1d';

export const OPTIONS: readonly Option[] = [
  { name: 'port', field: 'port', type: 'integer', value: 'N', min: '0', max: '65535', defaultWords: '8080 with origin, else 8888', doc: '0 takes any free port', clientDoc: 'port of the instance to ask, where several run', group: 'Listening', commands: EVERY },
  { name: 'host', field: 'host', type: 'address', value: 'ADDRESS', default: '127.0.0.1', doc: '0.0.0.0 listens to other machines too', clientDoc: 'address of that instance (127.0.0.1)', group: 'Listening', commands: ['serve', 'clear-cache', 'stats', 'explain', 'warm'] },
  { name: 'tls-cert', field: 'tlsCert', type: 'path', value: 'FILE', doc: 'serve https with this certificate (PEM)', group: 'Listening', commands: SERVE },
  { name: 'tls-key', field: 'tlsKey', type: 'path', value: 'FILE', doc: 'the private key of it (PEM)', group: 'Listening', commands: SERVE },

  { name: 'origin', field: 'origin', type: 'url', value: 'URL', doc: 'the one origin to stand in front of', group: 'Origin', commands: SERVE },
  { name: 'origin-ca', field: 'originCa', type: 'path', value: 'FILE', doc: 'check its certificate by these alone (PEM)', group: 'Origin', commands: SERVE },
  { name: 'origin-cert', field: 'originCert', type: 'path', value: 'FILE', doc: 'show it this client certificate (PEM)', group: 'Origin', commands: SERVE },
  { name: 'origin-key', field: 'originKey', type: 'path', value: 'FILE', doc: 'the private key of it (PEM)', group: 'Origin', commands: SERVE },
  { name: 'insecure-origin', field: 'insecureOrigin', type: 'flag', sets: true, doc: 'take any certificate from it, unchecked', group: 'Origin', commands: SERVE },
  { name: 'max-connections', field: 'maxConnections', type: 'integer', value: 'N', min: '1', max: '1000000', defaultWords: 'by ulimit -n', doc: 'of clients, in all', group: 'Listening', commands: SERVE },
  { name: 'max-connections-per-address', field: 'maxConnectionsPerAddress', type: 'integer', value: 'N', min: '1', max: '1000000', default: '512', doc: 'of one address', group: 'Listening', commands: SERVE },
  { name: 'max-requests', field: 'maxRequests', type: 'integer', value: 'N', min: '1', max: '1000000', default: '10000', doc: 'under way at once', group: 'Listening', commands: SERVE },
  { name: 'min-body-rate', field: 'minBodyRate', type: 'integer', value: 'N', min: '0', max: '1000000', default: '100', doc: 'bytes/s that content has to come at', group: 'Listening', commands: SERVE },
  { name: 'upstream-port', field: 'upstreamPort', type: 'integer', value: 'N', min: '1', max: '65535', default: '80', doc: 'port of a /HOST/ that names none', group: 'Origin', commands: SERVE },
  { name: 'preserve-host', field: 'preserveHost', type: 'flag', sets: true, defaultWords: 'on for a private origin', doc: "send the client's Host to the origin", group: 'Origin', commands: SERVE },
  { name: 'no-preserve-host', field: 'preserveHost', type: 'flag', sets: false, defaultWords: 'on for a public origin', doc: "send the origin's own Host to it", group: 'Origin', commands: SERVE },
  { name: 'connect-timeout', field: 'connectTimeout', type: 'duration', value: 'TIME', min: '1ms', max: LONGEST_WAIT, default: '10s', doc: 'to connect to an origin', group: 'Origin', commands: SERVE },
  { name: 'origin-timeout', field: 'originTimeout', type: 'duration', value: 'TIME', min: '1ms', max: LONGEST_WAIT, default: '1m', doc: 'for its head, and between pieces of body', group: 'Origin', commands: SERVE },
  { name: 'max-response-fields', field: 'maxResponseFields', type: 'integer', value: 'N', min: '64', max: '1000', default: '200', doc: 'header fields in a response', group: 'Origin', commands: SERVE },
  { name: 'max-origin-connections', field: 'maxOriginConnections', type: 'integer', value: 'N', min: '1', max: '1000000', default: '1024', doc: 'to one origin; as many more wait', group: 'Origin', commands: SERVE },
  { name: 'max-origin-concurrency', field: 'maxOriginConcurrency', type: 'integer', value: 'N', min: '1', max: '10000', default: '32', doc: 'stale responses refreshed at once', group: 'Origin', commands: SERVE },

  { name: 'default-ttl', field: 'defaultTtl', type: 'duration', value: 'TIME', min: '0', max: LONGEST_LIFETIME, default: '2m', doc: 'longest lifetime where a response states none', group: 'Caching', commands: SERVE },
  { name: 'ttl', field: 'ttl', type: 'duration', value: 'TIME', min: '0', max: LONGEST_LIFETIME, doc: 'lifetime of everything, whatever responses state', group: 'Caching', commands: SERVE },
  { name: 'stale-wait', field: 'staleWait', type: 'duration', value: 'TIME', min: '0', max: LONGEST_WAIT, default: '2s', doc: 'wait for the origin before stale use', group: 'Caching', commands: SERVE },
  { name: 'stale-if-error', field: 'staleIfError', type: 'duration', value: 'TIME', min: '0', max: LONGEST_LIFETIME, default: '1h', doc: 'stale use while the origin is away', group: 'Caching', commands: SERVE },
  { name: 'no-cache', field: 'cache', type: 'flag', sets: false, doc: 'pass everything through', group: 'Caching', commands: SERVE },
  { name: 'preset', field: 'preset', type: 'choice', value: 'rfc9111', choices: ['rfc9111'], doc: 'by the letter: default-ttl 0, Set-Cookie kept', group: 'Caching', commands: SERVE },
  { name: 'max-unread', field: 'maxUnread', type: 'size', value: 'SIZE', min: '1MB', default: '128MB', doc: 'for what slow clients have not read', group: 'Caching', commands: SERVE },
  { name: 'max-memory', field: 'maxMemory', type: 'size', value: 'SIZE', min: '64KB', default: '256MB', doc: 'for keys, headers and bodies', group: 'Caching', commands: SERVE },
  { name: 'cache-dir', field: 'cacheDir', type: 'path', value: 'DIR', defaultWords: './cache without origin', doc: 'keep the cache on disk too', group: 'Caching', commands: SERVE },
  { name: 'max-disk', field: 'maxDisk', type: 'size', value: 'SIZE', min: '16MB', default: '10GB', doc: 'for all of that directory, as du counts it', group: 'Caching', commands: SERVE },
  { name: 'redis', field: 'redis', type: 'redis', value: 'URL', doc: 'share the cache by Redis or Valkey', group: 'Caching', commands: SERVE },
  { name: 'memcached', field: 'memcached', type: 'servers', value: 'HOST', doc: 'the same by Memcached (host:port, repeatable)', group: 'Caching', commands: SERVE },
  { name: 'max-object', field: 'maxObject', type: 'size', value: 'SIZE', min: '1KB', defaultWords: '1/8 of max-disk or -memory', doc: 'largest response kept', group: 'Caching', commands: SERVE },
  { name: 'no-sort-query', field: 'sortQuery', type: 'flag', sets: false, doc: '?a&b and ?b&a are cached apart', group: 'Caching', commands: SERVE },
  { name: 'keep-tags', field: 'keepTags', type: 'flag', sets: true, doc: 'send Surrogate-Key, Cache-Tag, xkey to clients', group: 'Caching', commands: SERVE },

  { name: 'trust-proxy', field: 'trustProxy', type: 'networks', value: 'CIDR', doc: 'believe Forwarded from there (repeatable)', group: 'Access', commands: SERVE },
  { name: 'allow-host', field: 'allowHost', type: 'hosts', value: 'HOST', doc: 'may be reached, as *.example.com (repeatable)', group: 'Access', commands: SERVE },
  { name: 'max-request-fields', field: 'maxRequestFields', type: 'integer', value: 'N', min: '20', max: '1000', default: '100', doc: 'header fields of a request; more are 431', group: 'Access', commands: SERVE },
  { name: 'allow-connect', field: 'allowConnect', type: 'flag', sets: true, doc: 'serve CONNECT tunnels', group: 'Access', commands: SERVE },
  { name: 'allow-purge', field: 'allowPurge', type: 'networks', value: 'CIDR', doc: 'may send PURGE to the port (repeatable)', group: 'Access', commands: SERVE },
  { name: 'no-admin', field: 'admin', type: 'flag', sets: false, doc: 'no /health, no /__admin/', group: 'Access', commands: SERVE },
  { name: 'admin-port', field: 'adminPort', type: 'integer', value: 'N', min: '0', max: '65535', defaultWords: 'the main port', doc: 'port of /health and /__admin/', group: 'Access', commands: SERVE },
  { name: 'admin-token', field: 'adminToken', type: 'token', value: 'TOKEN', doc: 'whoever administers needs it, as bearer', clientDoc: 'the token it was started with', group: 'Access', commands: ['serve', ...CLIENTS] },
  { name: 'admin-token-file', field: 'adminTokenFile', type: 'path', value: 'FILE', doc: 'the same, where no other user sees it', clientDoc: 'a file that holds it', group: 'Access', commands: ['serve', ...CLIENTS] },

  { name: 'log-format', field: 'logFormat', type: 'choice', value: 'FORMAT', choices: ['auto', 'pretty', 'json', 'off'], default: 'auto', doc: 'auto, pretty, json or off', group: 'Running', commands: ['serve', 'demo'] },
  { name: 'verbose', short: 'v', field: 'verbose', type: 'flag', sets: true, doc: 'log every reason, and what the origin did', group: 'Running', commands: ['serve', 'demo'] },
  { name: 'shutdown-timeout', field: 'shutdownTimeout', type: 'duration', value: 'TIME', min: '0', max: LONGEST_WAIT, default: '10s', doc: 'for requests in flight at the end', group: 'Running', commands: SERVE },
  { name: 'workers', field: 'workers', type: 'workers', value: 'N', min: '1', max: '64', default: '1', doc: 'threads that serve clients; auto: one per core', group: 'Running', commands: SERVE },
  { name: 'no-fast-lane', field: 'fastLane', type: 'flag', sets: false, doc: 'read all requests by way of node:http', group: 'Running', commands: SERVE },
  { name: 'config', type: 'path', value: 'FILE', doc: 'options from a module; flags win over it', group: 'Running', commands: SERVE },
  { name: 'clear-cache', type: 'flag', doc: 'begin empty; alone: empty the running instance', group: 'Running', commands: ['serve', 'clear-cache'] },

  { name: 'url', type: 'string', value: 'URL', doc: 'the same as the URL alone: all its variants', commands: ['purge'] },
  { name: 'prefix', type: 'string', value: 'URL', doc: 'every URL that begins so', commands: ['purge'] },
  { name: 'host', type: 'string', value: 'HOST', doc: "of a host; beside another, the instance's address", commands: ['purge'] },
  { name: 'tag', type: 'string', value: 'TAG', doc: 'every response with that tag', commands: ['purge'] },
  { name: 'all', type: 'flag', doc: 'everything', commands: ['purge'] },
  { name: 'soft', type: 'flag', doc: 'mark it stale: it serves until it is validated', commands: ['purge'] },
  { name: 'sitemap', type: 'list', value: 'URL', doc: 'the URLs of a sitemap, or of an index of them', commands: ['warm'] },
  { name: 'from', type: 'list', value: 'FILE', doc: 'the URLs of an access log, the most frequent first', commands: ['warm'] },
  { name: 'header', type: 'list', value: 'NAME:VALUE', doc: 'a header field of the request (repeatable)', commands: ['explain'] },
  { name: 'header', type: 'list', value: 'NAME:VALUE', doc: 'of the requests; again: of another variant', commands: ['warm'] },
  { name: 'concurrency', type: 'integer', value: 'N', min: '1', max: '1000', default: '4', doc: 'requests at once', commands: ['warm'] },
  { name: 'json', type: 'flag', doc: 'print JSON, also on a terminal', commands: [...CLIENTS, 'warm'] },

  { name: 'help', short: 'h', type: 'flag', doc: 'this text; also after a command', group: 'Running', commands: EVERY },
  { name: 'version', short: 'V', type: 'flag', doc: 'the version', group: 'Running', commands: EVERY },
];

/** The option that sets a field of the configuration. */
export const OPTION_OF_FIELD: ReadonlyMap<string, Option> = new Map(
  OPTIONS.flatMap((option) => (option.field === undefined ? [] : [[option.field, option] as const])),
);
