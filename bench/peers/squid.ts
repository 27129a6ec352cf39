/**
 * @module bench/peers/squid
 * Squid as an accelerator that keeps all in memory. Not with collapsed_forwarding, under which it fetches
 * one of two variants again for every request.
 */
import { LARGEST_OBJECT_MB } from './peer.ts';
import type { Peer } from './peer.ts';

export const squid: Peer = {
  name: 'squid',
  program: 'squid',
  versionArgs: ['-v'],
  debian: 'squid',
  user: 'proxy',
  files: ({ directory, port, originPort, workers, cacheMegabytes }) => ({
    'squid.conf': `
http_port 127.0.0.1:${port} accel no-vhost defaultsite=127.0.0.1:${originPort}
cache_peer 127.0.0.1 parent ${originPort} 0 no-query no-digest no-netdb-exchange originserver name=origin
workers ${workers}
http_access allow all
cache_mem ${cacheMegabytes} MB
maximum_object_size ${LARGEST_OBJECT_MB} MB
maximum_object_size_in_memory ${LARGEST_OBJECT_MB} MB
memory_cache_mode always
${workers > 1 ? 'memory_cache_shared on' : 'memory_cache_shared off'}
access_log none
cache_store_log none
cache_log ${directory}/cache.log
pid_filename ${directory}/squid.pid
coredump_dir ${directory}
pinger_enable off
digest_generation off
client_idle_pconn_timeout 600 seconds
server_idle_pconn_timeout 600 seconds
max_filedescriptors 16384
shutdown_lifetime 0 seconds
`,
  }),
  args: ({ directory, port, workers }) => [...(workers > 1 ? ['--foreground'] : ['-N']), '-f', `${directory}/squid.conf`, '-n', `bench${port}`],
};
