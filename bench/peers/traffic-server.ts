/**
 * @module bench/peers/traffic-server
 * Apache Traffic Server: one thread of events per worker, and a memory cache large enough for
 * every object of the benchmark.
 */
import { isRoot, LARGEST_OBJECT_MB } from './peer.ts';
import type { Peer } from './peer.ts';

export const trafficServer: Peer = {
  name: 'trafficserver',
  program: 'traffic_server',
  versionArgs: ['-V'],
  servesHttp2: true,
  debian: 'trafficserver',
  files: ({ directory, port, originPort, workers, cacheMegabytes, overHttp2 }) => {
    const settings: Readonly<Record<string, string | number>> = {
      crash_log_helper: 'NULL',
      'exec_thread.autoconfig': 0,
      'exec_thread.limit': workers,
      'exec_thread.affinity': 0,
      accept_threads: 0,
      task_threads: 1,
      'cache.threads_per_disk': 2,
      'cache.ram_cache.size': `${cacheMegabytes}M`,
      'cache.ram_cache_cutoff': `${LARGEST_OBJECT_MB}M`,
      // Milliseconds a request waits for another one that fetches the same; at 50, misses stand still.
      'cache.read_while_writer_retry.delay': 1,
      'http.server_ports': `${port}:ip-in=127.0.0.1${overHttp2 ? ':proto=http2' : ''}`,
      'http.cache.required_headers': 1,
      'http.insert_request_via_str': 0,
      'http.insert_response_via_str': 0,
      'http.normalize_ae': 0,
      'http.keep_alive_no_activity_timeout_in': 600,
      'http.keep_alive_no_activity_timeout_out': 600,
      'log.logging_enabled': 0,
      'url_remap.remap_required': 1,
      'diags.debug.enabled': 0,
      'net.listen_backlog': 4096,
      'net.connections_throttle': 8000,
      ...(isRoot && { 'admin.user_id': '#-1' }),
    };
    const type = (value: string | number): string => (typeof value === 'number' || /^\d+M$/u.test(value) ? 'INT' : 'STRING');
    return {
      'runroot.yaml': `prefix: ${directory}\nbindir: /usr/bin\nsysconfdir: ${directory}/etc\nlogdir: ${directory}/log\nruntimedir: ${directory}/run\ncachedir: ${directory}/cache\nplugindir: ${directory}\nlocalstatedir: ${directory}/run\n`,
      'etc/records.config': Object.entries(settings).map(([name, value]) => `CONFIG proxy.config.${name} ${type(value)} ${value}\n`).join(''),
      'etc/remap.config': `map / http://127.0.0.1:${originPort}/\n`,
      'etc/storage.config': `${directory}/cache ${cacheMegabytes}M\n`,
      'etc/ip_allow.yaml': 'ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: ALL\n',
      'etc/plugin.config': '',
      'log/.keep': '',
      'run/.keep': '',
      'cache/.keep': '',
    };
  },
  args: ({ directory }) => [`--run-root=${directory}/runroot.yaml`],
};
