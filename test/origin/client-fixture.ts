/**
 * @module test/origin/client-fixture
 * An origin client and scripted origins that end with the test.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { OriginRequest, OriginResponse } from '../../src/cache/ports.ts';
import { type ErrorCode, MillraceError } from '../../src/errors.ts';
import { Fields } from '../../src/http/fields.ts';
import { type OriginClientOptions, OriginClient } from '../../src/origin/client.ts';
import { HostRules } from '../../src/origin/host-rules.ts';
import { makeTarget } from '../../src/origin/targets.ts';
import { type OriginHandler, type RawOrigin, type TestOrigin, startOrigin, startRawOrigin } from '../kit/origin.ts';
import type { RawConnection } from '../kit/raw-connection.ts';

export function client(t: TestContext, options: Partial<OriginClientOptions> = {}): OriginClient {
  const made = new OriginClient({ addresses: new HostRules({ patterns: [], anyByDefault: true }), connectTimeout: 10, originTimeout: 30, maxResponseFields: 200, maxOriginConnections: 1000, ...options });
  t.after(() => made.close());
  return made;
}

export async function origin(t: TestContext, handler: OriginHandler): Promise<TestOrigin> {
  const started = await startOrigin(handler);
  t.after(() => started.close());
  return started;
}

export async function raw(t: TestContext, handler: string | ((connection: RawConnection, request: Buffer) => void | Promise<void>)): Promise<RawOrigin> {
  const started = await startRawOrigin(typeof handler === 'string' ? (connection) => connection.send(handler) : handler);
  t.after(() => started.close());
  return started;
}

export interface RequestParts extends Partial<Omit<OriginRequest, 'fields'>> {
  readonly fields?: Record<string, string | string[]>;
  readonly path?: string;
}

export function request(to: { readonly port: number }, { fields = {}, path = '/', ...parts }: RequestParts = {}): OriginRequest {
  const target = makeTarget('http', '127.0.0.1', to.port, path);
  return { method: 'GET', target, fields: Fields.of({ Host: target.authority, ...fields }), body: undefined, signal: new AbortController().signal, ...parts };
}

/** The whole body, and the trailers. */
export function collect(response: OriginResponse): Promise<{ body: string; trailers: Fields | undefined }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.body.pipe({
      data: (chunk) => chunks.push(chunk) > 0,
      end: (trailers) => resolve({ body: Buffer.concat(chunks).toString('latin1'), trailers }),
      error: reject,
    });
  });
}

/** Until the connection of a response just read can be used again. */
export async function free(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}

export function fails(code: ErrorCode, message = /127\.0\.0\.1:\d+/): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MillraceError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}
