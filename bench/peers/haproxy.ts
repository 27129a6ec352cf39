/**
 * @module bench/peers/haproxy
 * HAProxy with its cache in shared memory, which also keeps variants by Accept-Encoding.
 */
import { LARGEST_OBJECT_MB } from './peer.ts';
import type { Peer } from './peer.ts';

/** It takes no larger one. */
const LARGEST_CACHE_MB = 4095;

export const haproxy: Peer = {
  name: 'haproxy',
  program: 'haproxy',
  versionArgs: ['-v'],
  servesHttp2: true,
  debian: 'haproxy',
  files: ({ port, originPort, workers, cacheMegabytes, overHttp2 }) => ({
    'haproxy.cfg': `
global
  nbthread ${workers}
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  http-reuse always
  no log
cache bench
  total-max-size ${Math.min(cacheMegabytes, LARGEST_CACHE_MB)}
  max-object-size ${LARGEST_OBJECT_MB * 1024 * 1024}
  max-age 86400
  process-vary on
frontend clients
  bind 127.0.0.1:${port} backlog 4096${overHttp2 ? ' proto h2' : ''}
  http-request cache-use bench
  http-response cache-store bench
  default_backend origin
backend origin
  server origin 127.0.0.1:${originPort} pool-purge-delay 600s
`,
  }),
  args: ({ directory }) => ['-db', '-f', `${directory}/haproxy.cfg`],
};
