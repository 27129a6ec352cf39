/**
 * @module bench/peers/httpd
 * Apache httpd: mod_cache_disk on a directory in memory, answering before anything else runs
 * (CacheQuickHandler), with its event model.
 */
import { isRoot, LARGEST_OBJECT_MB } from './peer.ts';
import type { Peer } from './peer.ts';

const MODULES = ['mpm_event', 'authz_core', 'cache', 'cache_disk', 'proxy', 'proxy_http'];

export const httpd: Peer = {
  name: 'httpd',
  program: 'apache2',
  versionArgs: ['-v'],
  servesHttp2: true,
  keepsOnDisk: true,
  debian: 'apache2',
  user: 'www-data',
  files: ({ directory, port, originPort, workers, overHttp2 }) => ({
    'httpd.conf': `
ServerRoot ${directory}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
ListenBacklog 4096
PidFile ${directory}/httpd.pid
DefaultRuntimeDir ${directory}
ErrorLog ${directory}/error.log
LogLevel crit
${[...MODULES, ...(overHttp2 ? ['http2'] : [])].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
${isRoot ? 'User www-data\nGroup www-data' : ''}
StartServers ${workers}
ServerLimit ${workers}
ThreadLimit 256
ThreadsPerChild 256
MinSpareThreads ${256 * workers}
MaxSpareThreads ${256 * workers}
MaxRequestWorkers ${256 * workers}
AsyncRequestWorkerFactor 16
KeepAlive On
KeepAliveTimeout 600
MaxKeepAliveRequests 0
EnableSendfile On
EnableMMAP On
${overHttp2 ? 'Protocols h2c http/1.1' : ''}
CacheRoot ${directory}/cache
CacheEnable disk /
CacheQuickHandler On
CacheLock On
CacheLockPath ${directory}/lock
CacheDirLevels 2
CacheDirLength 1
CacheMaxFileSize ${LARGEST_OBJECT_MB * 1024 * 1024}
ProxyPass / http://127.0.0.1:${originPort}/ keepalive=On
`,
    'cache/.keep': '',
    'lock/.keep': '',
  }),
  args: ({ directory }) => ['-D', 'FOREGROUND', '-f', `${directory}/httpd.conf`],
};
