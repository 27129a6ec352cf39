/**
 * @module stores/redis-url
 * Where Redis is, as a user writes it: one server, the nodes of a Cluster, or the Sentinels that
 * know the server of that moment.
 *
 *   redis://[[user]:password@]host[:port][/database]
 *   redis+cluster://[[user]:password@]host[:port][,host[:port]…]
 *   redis+sentinel://[[user]:password@]host[:port][,host[:port]…][/database]?master=NAME
 *
 * `rediss` in place of `redis` is TLS. `?prefix=TEXT` begins every key, where several share a server.
 */

export interface RedisAddress {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  readonly tls: boolean;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** Of Sentinel. */
  readonly master: string;
  readonly prefix: string;
  /** Without the password, for people. */
  readonly shown: string;
}

const PORTS = { single: 6379, cluster: 6379, sentinel: 26_379 } as const;
const FORM = /^(redis|rediss)(?:\+(cluster|sentinel))?:\/\/(?:([^@/?#]*)@)?([^/?#]+)(?:\/(\d{0,4}))?(?:\?([^#]*))?$/u;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?))(?::(\d{1,5}))?$/iu;
const PARAMETERS: ReadonlySet<string> = new Set(['master', 'prefix']);

/** Undefined for what is no such URL. */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const [, scheme, suffix, credentials, list, database, query] = FORM.exec(text) ?? [];
  if (scheme === undefined) return undefined;
  const kind = (suffix ?? 'single') as RedisAddress['kind'];
  const hosts = list!.split(',').map((one) => readHost(one, PORTS[kind]));
  const parameters = new URLSearchParams(query);
  const [user, password] = readCredentials(credentials);
  const prefix = parameters.get('prefix') ?? 'millrace:';
  const isRight =
    hosts.every((one) => one !== undefined) &&
    (kind !== 'single' || hosts.length === 1) &&
    (kind === 'sentinel') === parameters.has('master') &&
    (kind !== 'cluster' || Number(database ?? 0) === 0) &&
    parameters.get('master') !== '' &&
    /^[\w.:-]{0,64}$/u.test(prefix) &&
    [...parameters.keys()].every((name) => PARAMETERS.has(name));
  if (!isRight || user === null || password === null) return undefined;
  return {
    kind,
    tls: scheme === 'rediss',
    hosts,
    user,
    password,
    database: Number(database ?? 0),
    master: parameters.get('master') ?? '',
    prefix,
    shown: `${scheme}${suffix === undefined ? '' : `+${suffix}`}://${list!}`,
  };
}

function readHost(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const [, bracketed, plain, port] = HOST.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = Number(port ?? defaultPort);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

/** null where they cannot be decoded. */
function readCredentials(text: string | undefined): [user: string | undefined | null, password: string | undefined | null] {
  if (text === undefined) return [undefined, undefined];
  const colon = text.indexOf(':');
  const [user, password] = colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  try {
    return [user === '' ? undefined : decodeURIComponent(user), password === undefined ? undefined : decodeURIComponent(password)];
  } catch {
    return [null, null];
  }
}
