/**
 * @module cli/exchange
 * One HTTP request to an instance. Not fetch, which refuses some ports that a proxy may well have.
 */
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';

export interface ExchangeOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds for the whole of it. */
  readonly timeout: number;
  /** Of an instance that serves https; see trustOnly(). */
  readonly certificate?: string | undefined;
}

/**
 * That certificate alone is trusted, and whatever name stands in it: it is that of an instance that
 * runs here, which is asked by its address.
 * @param certificate PEM
 */
export function trustOnly(certificate: string): { ca: string; allowPartialTrustChain: true; checkServerIdentity: () => undefined } {
  return { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
}

/** Rejects with the error of the socket; its code is ETIMEDOUT where time ran out. */
export function exchange(url: string, { method = 'GET', headers = {}, body = '', timeout, certificate }: ExchangeOptions): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const isSecure = url.startsWith('https:');
  const options = { method, agent: false, headers: { ...headers, 'content-length': Buffer.byteLength(body) }, ...(isSecure && certificate !== undefined && trustOnly(certificate)) };
  const sent = (isSecure ? secureRequest : request)(url, options, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode!, text })).on('error', reject);
  });
  const timer = setTimeout(() => sent.destroy(Object.assign(new Error(`no answer within ${timeout} ms`), { code: 'ETIMEDOUT' })), timeout);
  sent.on('error', reject).on('close', () => clearTimeout(timer));
  sent.end(body);
  return promise;
}
