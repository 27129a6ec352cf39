/**
 * @module cli/warm/requests
 * The client that warms: GET requests to the running proxy over few connections, and what the proxy
 * says it did with each.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { Fields } from '../../http/fields.ts';
import { splitList } from '../../http/list.ts';
import { REASONS, type ReasonCode } from '../../policy/reason.ts';
import { trustOnly } from '../exchange.ts';
import type { Place, Serving } from './places.ts';
import type { HeaderLine } from './variants.ts';

/** Milliseconds without a byte; longer than the proxy waits for its origin. */
const PATIENCE = 120_000;

export type Result = { readonly kind: 'stored' | 'hit' | 'stale' | 'revalidated'; readonly bytes: number } | { readonly kind: 'not stored' | 'failed'; readonly why: string; readonly bytes: number };

export class Client implements Disposable {
  readonly #base: URL;
  readonly #agent: Agent;

  constructor({ url, certificate }: Pick<Serving, 'url' | 'certificate'>, concurrency: number) {
    this.#base = new URL(url);
    const options = { keepAlive: true, maxSockets: concurrency };
    this.#agent = this.#isSecure ? new SecureAgent({ ...options, ...(certificate !== undefined && trustOnly(certificate)) }) : new Agent(options);
  }

  get #isSecure(): boolean {
    return this.#base.protocol === 'https:';
  }

  /** Never rejects. */
  async warm(place: Place, variant: readonly HeaderLine[]): Promise<Result> {
    let bytes = 0;
    try {
      const response = await this.get(place, variant);
      for await (const chunk of response) bytes += (chunk as Buffer).length;
      return { ...judge(response.statusCode!, new Fields(response.rawHeaders)), bytes };
    } catch (error) {
      return { kind: 'failed', why: wordsOf(error), bytes };
    }
  }

  /** The response from its head on. Rejects with the error of the socket. */
  get({ requestTarget, host }: Place, variant: readonly HeaderLine[]): Promise<IncomingMessage> {
    const { hostname, port } = this.#base;
    const names = new Set(variant.map(([name]) => name.toLowerCase()));
    const own: HeaderLine[] = [['Host', host], ['User-Agent', 'millrace warm'], ['Accept', '*/*']];
    const headers = [...own.filter(([name]) => !names.has(name.toLowerCase())), ...variant].flat();
    return new Promise((resolve, reject) => {
      const sent = (this.#isSecure ? secureRequest : request)({ hostname: hostname.replace(/^\[|\]$/g, ''), port, path: requestTarget, headers, agent: this.#agent, timeout: PATIENCE }, resolve);
      sent.on('timeout', () => sent.destroy(new Error(`no byte came for ${PATIENCE / 1000} s`))).on('error', reject);
      sent.end();
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** What the head of a response says. */
function judge(status: number, fields: Fields): { kind: 'stored' | 'hit' | 'stale' | 'revalidated' } | { kind: 'not stored' | 'failed'; why: string } {
  // The last member is what this proxy added: https://www.rfc-editor.org/rfc/rfc9211.html#section-2
  const own = splitList(fields.get('cache-status') ?? '').at(-1) ?? '';
  const result = fields.get('x-cache');
  if (!own.startsWith('Millrace;') || result === undefined) return { kind: 'not stored', why: 'it was not answered by way of the cache' };
  const code = /;detail=([\w-]+)/.exec(own)?.[1];
  if (status >= 400) return { kind: 'failed', why: code?.startsWith('ERR_') === true ? `status ${status}, ${code}` : `status ${status}` };
  if (result === 'HIT') return { kind: 'hit' };
  if (result === 'STALE') return { kind: 'stale' };
  if (result === 'REVALIDATED') return { kind: 'revalidated' };
  if (/;(?:stored|collapsed)(?:;|$)/.test(own)) return { kind: 'stored' };
  return { kind: 'not stored', why: code !== undefined && Object.hasOwn(REASONS, code) ? REASONS[code as ReasonCode].words : 'it passed by the cache' };
}

function wordsOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' ? 'the proxy does not answer' : code === 'ECONNRESET' ? 'the response broke off' : message;
}
