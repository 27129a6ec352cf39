/**
 * @module cli/exchange
 * One HTTP request to an instance. Not fetch, which refuses some ports that a proxy may well have.
 */
import { request } from 'node:http';

export interface ExchangeOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds for the whole of it. */
  readonly timeout: number;
}

/** Rejects with the error of the socket; its code is ETIMEDOUT where time ran out. */
export function exchange(url: string, { method = 'GET', headers = {}, body = '', timeout }: ExchangeOptions): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const sent = request(url, { method, agent: false, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode!, text })).on('error', reject);
  });
  const timer = setTimeout(() => sent.destroy(Object.assign(new Error(`no answer within ${timeout} ms`), { code: 'ETIMEDOUT' })), timeout);
  sent.on('error', reject).on('close', () => clearTimeout(timer));
  sent.end(body);
  return promise;
}
