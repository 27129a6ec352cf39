/**
 * @module bench/peers/varnish
 * Varnish: storage in memory, gzip left to the origin, and its log in shared memory off as far as
 * it can be, since the others write none.
 */
import type { Peer } from './peer.ts';

/** Everything a request logs. */
const SILENT = ['Begin', 'End', 'Link', 'Timestamp', 'ReqStart', 'ReqMethod', 'ReqURL', 'ReqProtocol', 'ReqHeader', 'ReqUnset', 'ReqAcct', 'RespProtocol', 'RespStatus', 'RespReason', 'RespHeader', 'RespUnset', 'VCL_call', 'VCL_return', 'VCL_use', 'Hit', 'HitMiss', 'HitPass', 'Length', 'Filters', 'SessOpen', 'SessClose', 'BereqMethod', 'BereqURL', 'BereqProtocol', 'BereqHeader', 'BereqUnset', 'BereqAcct', 'BerespProtocol', 'BerespStatus', 'BerespReason', 'BerespHeader', 'BerespUnset', 'Backend', 'BackendOpen', 'BackendClose', 'Storage', 'TTL', 'Fetch_Body', 'ExpBan'];

export const varnish: Peer = {
  name: 'varnish',
  program: 'varnishd',
  versionArgs: ['-V'],
  servesHttp2: true,
  debian: 'varnish',
  files: ({ originPort }) => ({ 'bench.vcl': `vcl 4.1;\nbackend origin { .host = "127.0.0.1"; .port = "${originPort}"; }\n` }),
  args: ({ directory, port, workers, cacheMegabytes, overHttp2 }) => [
    '-F', '-j', 'none', '-n', `${directory}/work`, '-a', `127.0.0.1:${port}`, '-f', `${directory}/bench.vcl`, '-s', `malloc,${cacheMegabytes}M`,
    ...Object.entries({
      thread_pools: workers,
      thread_pool_min: 100,
      thread_pool_max: 4000,
      thread_pool_timeout: 600,
      timeout_idle: 600,
      backend_idle_timeout: 600,
      listen_depth: 4096,
      http_gzip_support: 'off',
      vsl_mask: SILENT.map((tag) => `-${tag}`).join(','),
      ...(overHttp2 && { feature: '+http2' }),
    }).flatMap(([name, value]) => ['-p', `${name}=${value}`]),
  ],
};
