/**
 * @module test/kit/administer
 * Asks a proxy of the test for its administration as the commands do: with the secret of its start, so
 * that it answers whatever its requests have shown before.
 */
import { type ClientResponse, type RequestOptions, request } from './client.ts';

export interface Administered {
  readonly adminUrl: string | undefined;
  readonly adminSecret: string;
}

export function administer({ adminUrl, adminSecret }: Administered, path: string, options: RequestOptions = {}): Promise<ClientResponse> {
  return request(adminUrl! + path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${adminSecret}` } });
}
