/**
 * @module stores/redis-scripts
 * What Redis does in one step, so that nobody sees half of it.
 */
import { hash } from 'node:crypto';
import { HEADER, NAME, VERSION_AT } from './envelope.ts';
import type { Script } from './redis-client.ts';

/** Sets an envelope and its lifetime in ms; gives the header of the one it replaces. */
export const REPLACE: Script = script(`
local old = redis.call('GETRANGE', KEYS[1], 0, ${HEADER - 1})
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return old`);

/** Removes an envelope; gives its header. */
export const REMOVE: Script = script(`
local old = redis.call('GETRANGE', KEYS[1], 0, ${HEADER - 1})
redis.call('UNLINK', KEYS[1])
return old`);

/**
 * Where the version is still ARGV[1]: sets header and description anew, keeps what stands from ARGV[3]
 * on, and lets it, and the chunks in the other keys, live ARGV[4] ms at least.
 */
export const DESCRIBE: Script = script(`
local old = redis.call('GET', KEYS[1])
if not old or string.sub(old, ${VERSION_AT + 1}, ${VERSION_AT + NAME}) ~= ARGV[1] then return 0 end
local ttl = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[4]))
redis.call('SET', KEYS[1], ARGV[2] .. string.sub(old, tonumber(ARGV[3]) + 1), 'PX', ttl)
for i = 2, #KEYS do
  if redis.call('PTTL', KEYS[i]) < ttl then redis.call('PEXPIRE', KEYS[i], ttl) end
end
return 1`);

export function script(text: string): Script {
  return { text, sha: hash('sha1', text) };
}
