/**
 * @module test/lanes/without-internals
 * Loaded before a test (`node --import`), takes from the handles of accepted sockets what the fast lane
 * uses of them: as if another version of Node had named it otherwise. Public API still works by them.
 */
import { Server, type Socket } from 'node:net';

const emit = Reflect.get(Server.prototype, 'emit') as (this: Server, event: string | symbol, ...values: unknown[]) => boolean;
Server.prototype.emit = function emitWithout(this: Server, event: string | symbol, ...values: unknown[]): boolean {
  const { _handle: handle } = (event === 'connection' ? values[0] : {}) as Partial<Record<'_handle', Socket>>;
  if (handle !== undefined) Object.assign(handle, { useUserBuffer: undefined });
  return emit.call(this, event, ...values);
};
