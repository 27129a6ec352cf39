/**
 * @module stores/redis-connection
 * A connection to Redis or Valkey by the library: to one server, to a Cluster, or to the server that
 * Sentinels name.
 */
import type * as Library from '@redis/client';
import type { RedisAddress } from './redis-url.ts';

/** Values come as Buffers, what the server says itself ("OK") as text. */
export type Reply = Buffer | string | number | null | readonly Reply[];

export type Command = readonly (string | Buffer)[];

/** Milliseconds to connect, and to introduce oneself. */
export const CONNECT_LIMIT = 2000;
/** Milliseconds between two attempts to connect. */
export const FIRST_DELAY = 50;
export const LONGEST_DELAY = 1000;
/** Commands that may wait for their answers; those that came too late among them. */
const MOST_WAITING = 20_000;

export interface Connection {
  send(key: string | Buffer | undefined, command: Command): Promise<Reply>;
  /** One for each server that has a part of the keys. */
  servers(): Promise<((command: Command) => Promise<Reply>)[]>;
  destroy(): void;
}

/** @throws Error where it does not answer in time, or refuses */
export async function open(address: RedisAddress, library: typeof Library, onLost: (error: Error) => void): Promise<Connection> {
  if (address.kind === 'cluster') return openCluster(address, library);
  const [{ host, port }] = address.kind === 'single' ? (address.hosts as [{ host: string; port: number }]) : [await askSentinels(address, library)];
  const client = library.createClient({ ...common(address), database: address.database, socket: { ...socketOf(address), host, port, reconnectStrategy: false } });
  const options = { typeMapping: { [library.RESP_TYPES.BLOB_STRING]: Buffer } };
  client.on('error', onLost);
  client.on('end', () => onLost(new Error('the connection was closed')));
  await connected(client);
  const send = (command: Command): Promise<Reply> =>
    client.sendCommand<Reply>(command as Library.RedisArgument[], options as object).catch((error: Error) => {
      // After a failover this is not the one to write to any more.
      if (error.message.startsWith('READONLY')) onLost(error);
      throw error;
    });
  return { send: (_key, command) => send(command), servers: async () => [send], destroy: () => destroy(client) };
}

/** The Cluster's own client finds its servers, and those that take their places. */
async function openCluster(address: RedisAddress, library: typeof Library): Promise<Connection> {
  const reconnectStrategy = (attempts: number): number => Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempts);
  const socket = { ...socketOf(address), reconnectStrategy };
  const cluster = library.createCluster({
    RESP: 2,
    rootNodes: address.hosts.map(({ host, port }) => ({ ...common(address), socket: { ...socket, host, port } })),
    defaults: { ...common(address), socket },
    topologyRefreshOnReconnectionAttemptStrategy: LONGEST_DELAY,
  });
  const options = { typeMapping: { [library.RESP_TYPES.BLOB_STRING]: Buffer } } as object;
  cluster.on('error', () => undefined);
  await connected(cluster);
  return {
    send: (key, command) => cluster.sendCommand<Reply>(key, false, command as Library.RedisArgument[], options),
    servers: async () => {
      const clients = await Promise.all(cluster.masters.map((master) => cluster.nodeClient(master)));
      return clients.map((client) => (command: Command) => client.sendCommand<Reply>(command, options));
    },
    destroy: () => destroy(cluster),
  };
}

/** The server that the first Sentinel to answer names. */
async function askSentinels({ hosts, master, ...address }: RedisAddress, library: typeof Library): Promise<{ host: string; port: number }> {
  let cause: unknown;
  for (const { host, port } of hosts) {
    const client = library.createClient({ ...common(), socket: { ...socketOf(address), host, port, reconnectStrategy: false } });
    client.on('error', () => undefined);
    try {
      await connected(client);
      const reply = await client.sendCommand<string[] | null>(['SENTINEL', 'get-master-addr-by-name', master]);
      if (reply !== null) return { host: reply[0]!, port: Number(reply[1]) };
      cause = new Error(`ERR the Sentinels know no master ${JSON.stringify(master)}`);
    } catch (error) {
      cause = error;
    } finally {
      destroy(client);
    }
  }
  throw cause;
}

interface Common {
  RESP: 2;
  disableOfflineQueue: true;
  commandsQueueMaxLength: number;
  disableClientInfo: true;
  maintNotifications: 'disabled';
  username?: string;
  password?: string;
}

function common({ user, password }: Partial<Pick<RedisAddress, 'user' | 'password'>> = {}): Common {
  return {
    RESP: 2,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_WAITING,
    // So that a user with few rights is enough.
    disableClientInfo: true,
    maintNotifications: 'disabled',
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
  };
}

function socketOf({ tls }: Pick<RedisAddress, 'tls'>): { connectTimeout: number; tls?: true } {
  return tls ? { connectTimeout: CONNECT_LIMIT, tls } : { connectTimeout: CONNECT_LIMIT };
}

/** Rejects too where it takes the connection, and then says nothing. */
async function connected(client: { connect(): Promise<unknown>; destroy(): unknown }): Promise<void> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error('it does not answer')), CONNECT_LIMIT);
  try {
    await Promise.race([client.connect(), timeout.promise]);
  } catch (error) {
    destroy(client);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** One that is closed already throws. */
function destroy(client: { destroy(): unknown }): void {
  try {
    client.destroy();
  } catch {
    // Then it is what was wanted.
  }
}
