/**
 * @module conformance/peers
 * Starts another cache in front of the scripted origin, configured as for its published results, so
 * that the runner itself can be compared with the public suite's. Needs the cache's Debian package.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { accepts, freePort } from '../kit/port.ts';

/** A cache that runs in front of the scripted origin. */
export interface RunningCache {
  readonly url: string;
  close(): Promise<void>;
}

interface Recipe {
  /** The command and its arguments. */
  readonly command: (place: Place) => readonly [program: string, ...args: string[]];
  /** The text of its configuration file, where it has one. */
  readonly configuration?: (place: Place) => string;
}

interface Place {
  readonly directory: string;
  readonly configuration: string;
  readonly port: number;
  readonly originPort: number;
}

export type PeerName = 'nginx' | 'varnish' | 'squid';

const RECIPES: Readonly<Record<PeerName, Recipe>> = {
  nginx: {
    command: ({ directory, configuration }) => ['nginx', '-p', directory, '-c', configuration, '-e', join(directory, 'error.log')],
    configuration: ({ directory, port, originPort }) => `
      daemon off;
      master_process off;
      pid ${directory}/nginx.pid;
      events { worker_connections 2048; }
      http {
        access_log off;
        proxy_cache_path ${directory}/cache levels=1:2 keys_zone=cases:8m max_size=1000m inactive=600m;
        proxy_temp_path ${directory}/proxy;
        client_body_temp_path ${directory}/body;
        fastcgi_temp_path ${directory}/fastcgi;
        uwsgi_temp_path ${directory}/uwsgi;
        scgi_temp_path ${directory}/scgi;
        server {
          listen 127.0.0.1:${port};
          location / {
            proxy_pass http://127.0.0.1:${originPort};
            proxy_cache cases;
            proxy_cache_revalidate on;
            proxy_http_version 1.1;
          }
        }
      }`,
  },
  varnish: {
    command: ({ directory, port, originPort }) => [
      'varnishd', '-F', '-j', 'none', '-n', directory, '-a', `127.0.0.1:${port}`, '-b', `127.0.0.1:${originPort}`,
      '-p', 'default_ttl=0', '-p', 'default_grace=0', '-p', 'default_keep=3600', '-s', 'malloc,64M',
    ],
  },
  squid: {
    command: ({ configuration }) => ['squid', '-N', '-f', configuration],
    configuration: ({ directory, port, originPort }) => `
http_port 127.0.0.1:${port} accel defaultsite=localhost no-vhost
cache_peer 127.0.0.1 parent ${originPort} 0 no-query no-digest originserver default name=origin
cache_peer_access origin allow all
http_access allow all
refresh_pattern -i (/cgi-bin/|\\?) 0 0% 0
refresh_pattern . 0 20% 4320
connect_retries 3
shutdown_lifetime 0 seconds
pid_filename none
cache_log ${directory}/cache.log
access_log none
coredump_dir ${directory}
netdb_filename none
pinger_enable off
`,
  },
};

export const PEERS: readonly PeerName[] = Object.keys(RECIPES) as PeerName[];

/** Rejects with a sentence for the user where the peer does not start within ten seconds. */
export async function startPeer(name: PeerName, originPort: number): Promise<RunningCache> {
  const recipe = RECIPES[name];
  const directory = await mkdtemp(join(tmpdir(), `millrace-${name}-`));
  // Started by root, some of them work as a user of their own.
  await chmod(directory, 0o777);
  const place: Place = { directory, configuration: join(directory, `${name}.conf`), port: await freePort(), originPort };
  if (recipe.configuration !== undefined) await writeFile(place.configuration, recipe.configuration(place));
  const [program, ...args] = recipe.command(place);
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin`;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: path } });
  const complaint = collect(child);
  const peer: RunningCache = {
    url: `http://127.0.0.1:${place.port}`,
    close: async () => {
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await accepts(place.port)) return peer;
    if (complaint.ended) break;
    await pause(100);
  }
  await peer.close();
  throw new Error(`${name} did not start (is its package installed?): ${complaint.text.trim() || 'it said nothing'}`);
}

function collect(child: ChildProcess): { text: string; ended: boolean } {
  const complaint = { text: '', ended: false };
  child.stderr?.on('data', (chunk: Buffer) => (complaint.text = (complaint.text + chunk.toString()).slice(-2000)));
  child.on('error', (error) => {
    complaint.text += error.message;
    complaint.ended = true;
  });
  child.on('exit', () => (complaint.ended = true));
  return complaint;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(timer);
}
