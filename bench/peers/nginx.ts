/**
 * @module bench/peers/nginx
 * nginx: cache files in memory but for what is measured on a disk, open files remembered, connections kept
 * on both sides. Small files go out faster read than with sendfile, and with tcp_nopush a 64 KB one waits
 * 40 ms for an acknowledgement; large files go faster with sendfile, on a disk those of 64 KB too. What is not cacheable has a location of
 * its own, as one gives it to an API: under proxy_cache_lock such requests would wait for each
 * other.
 */
import { isRoot } from './peer.ts';
import type { Peer } from './peer.ts';

export const nginx: Peer = {
  name: 'nginx',
  program: 'nginx',
  versionArgs: ['-v'],
  servesHttp2: true,
  keepsOnDisk: true,
  debian: 'nginx',
  files: ({ directory, port, originPort, workers, cacheMegabytes, diskMegabytes, overHttp2 }) => ({
    'nginx.conf': `
${isRoot ? 'user root;' : ''}
worker_processes ${workers};
worker_rlimit_nofile 16384;
daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log crit;
events {
  worker_connections 8192;
  multi_accept on;
}
http {
  access_log off;
  output_buffers 2 32k;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  open_file_cache max=10000 inactive=600s;
  open_file_cache_valid 600s;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/temp;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  proxy_cache_path ${directory}/cache levels=1:2 keys_zone=bench:256m inactive=1d max_size=${diskMegabytes ?? cacheMegabytes * 4}m use_temp_path=off;
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} reuseport backlog=4096${overHttp2 ? ' http2' : ''};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffer_size 16k;
    proxy_buffers 64 16k;
    proxy_busy_buffers_size 64k;
    proxy_max_temp_file_size 0;
    proxy_cache_key $request_uri;
    proxy_cache_lock on;
    proxy_cache_revalidate on;
    proxy_cache_background_update on;
    proxy_cache_use_stale error timeout updating;
    location / {
      proxy_pass http://origin;
      proxy_cache bench;
    }
    location ~ ^/(hit/[0-9]+m$|object-1m/|object-64k/) {
      proxy_pass http://origin;
      proxy_cache bench;
      sendfile on;
    }
    location /pass/ {
      proxy_pass http://origin;
      proxy_buffering off;
      proxy_buffer_size 64k;
    }
  }
}
`,
  }),
  args: ({ directory }) => ['-p', directory, '-c', `${directory}/nginx.conf`, '-e', `${directory}/error.log`],
};
