/**
 * @module admin/operations
 * What can be asked of a running proxy, whether over HTTP or by a program that embeds it. URLs are
 * taken as people have them: the one they gave to the proxy, the origin's own, or a path.
 */
import type { Explanation } from '../cache/explanation.ts';
import type { ClientRequest } from '../cache/exchange.ts';
import { urlOf } from '../cache/key.ts';
import { isForHost } from '../cache/scopes.ts';
import { MillraceError } from '../errors.ts';
import { Fields } from '../http/fields.ts';
import { isLoopback } from '../origin/address.ts';
import { FixedOrigin } from '../origin/fixed-origin.ts';
import { makeTarget, parseAbsoluteForm, parseAuthority } from '../origin/targets.ts';
import type { ProxyParts } from '../proxy.ts';
import type { ProxyStats } from '../proxy/stats.ts';
import type { Purge } from './purge.ts';

export type HeaderLine = readonly [name: string, value: string];

export class Operations {
  readonly #proxy: ProxyParts;

  constructor(proxy: ProxyParts) {
    this.#proxy = proxy;
  }

  /** Of all workers. */
  async stats(): Promise<ProxyStats> {
    return this.#proxy.allStats();
  }

  /** How many objects it hit; undefined where that is not known. @throws {MillraceError} ERR_ADMIN_INPUT, ERR_HOST_DENIED */
  async purge(what: Purge): Promise<number | undefined> {
    const { soft = false } = what;
    if ('tag' in what) return this.#proxy.purge({ tag: what.tag, soft });
    if ('all' in what) return this.#proxy.purge({ all: true, soft });
    if ('host' in what) return this.#proxy.purge({ host: hostOf(what.host), soft });
    if ('url' in what) return this.#proxy.purge({ url: this.#request(what.url, [], 'localhost').target, soft });
    return this.#proxy.purge({ prefix: urlOf(this.#request(what.prefix, [], 'localhost').target), soft });
  }

  /**
   * What a GET of that URL with these fields would meet. Where neither names the Host that clients
   * use, it is one for which something is stored.
   * @param host the likeliest
   * @throws {MillraceError} ERR_ADMIN_INPUT, ERR_HOST_DENIED
   */
  async explain(url: string, headers: readonly HeaderLine[], host?: string): Promise<Explanation> {
    const { port, scheme } = this.#proxy;
    const suffix = port === undefined || port === (scheme === 'https' ? 443 : 80) ? '' : `:${port}`;
    const named = this.#asClient(url);
    const explanations: Explanation[] = [];
    for (const candidate of named.host === undefined ? [host, `localhost${suffix}`, `127.0.0.1${suffix}`] : [named.host]) {
      if (candidate === undefined) continue;
      const request = this.#request(url, headers, candidate);
      const explanation = await this.#proxy.engine.explain(request);
      if (explanation.stored.some(({ matches }) => matches)) return explanation;
      explanations.push(explanation);
      if (headers.some(([name]) => name.toLowerCase() === 'host')) break;
      // By another scheme, or by what a trusted proxy tells of it.
      for (const forwardedAs of new Set(explanation.stored.map(({ selectedBy }) => selectedBy['host']))) {
        if (typeof forwardedAs !== 'string' || (named.host !== undefined && !isForHost(forwardedAs, named.host))) continue;
        const other = await this.#proxy.engine.explain({ ...request, forwardedAs });
        if (other.stored.some(({ matches }) => matches)) return other;
      }
    }
    return explanations[0]!;
  }

  /** The GET that a client would send for that URL, as the engine would see it. */
  #request(url: string, headers: readonly HeaderLine[], likelyHost: string): ClientRequest {
    const fields = new Fields();
    for (const [name, value] of headers) fields.append(name, value);
    const { requestTarget, host = likelyHost } = this.#asClient(url);
    if (!fields.has('host')) fields.append('Host', host);
    const message = { method: 'GET', fields, httpVersion: '1.1', scheme: this.#proxy.scheme, clientAddress: '127.0.0.1', body: undefined } as const;
    try {
      const admitted = this.#proxy.wouldAdmit({ ...message, requestTarget });
      if (admitted.kind === 'request') return admitted.request;
      // The host alone was named: its root is meant.
      const below = admitted.kind === 'redirect' ? this.#proxy.wouldAdmit({ ...message, requestTarget: admitted.location }) : undefined;
      if (below?.kind === 'request') return below.request;
    } catch (cause) {
      if (!(cause instanceof MillraceError) || cause.code !== 'ERR_BAD_TARGET') throw cause;
      throw new MillraceError('ERR_ADMIN_INPUT', `"${url}": ${cause.message}`, { cause });
    }
    throw new MillraceError('ERR_ADMIN_INPUT', `"${url}" leads to a redirect of the proxy's own, which is not cached.`);
  }

  /** The request target with which a client asks the proxy for it, and the Host where the URL names that. */
  #asClient(url: string): { requestTarget: string; host?: string } {
    const { port, config, targets } = this.#proxy;
    const text = url.split('#', 1)[0]!;
    if (text.startsWith('/')) return { requestTarget: text };
    const parsed = parseAbsoluteForm(text);
    const own = port === undefined ? '' : `, ${this.#proxy.scheme}://localhost:${port}/page`;
    if (parsed === undefined) throw new MillraceError('ERR_ADMIN_INPUT', `"${url}" is neither a path nor an http URL. Write it as /page${own} or the URL at the origin.`);
    const authority = text.split(/[/?]/, 3)[2]!;
    const asOwn = { requestTarget: parsed.path, host: authority };
    if (parsed.port === port && (isLoopback(parsed.host) || parsed.host === parseAuthority(config.host)?.host)) return asOwn;
    if (!(targets instanceof FixedOrigin) && this.#proxy.hosts.has(authority)) return asOwn;
    if (!(targets instanceof FixedOrigin)) return { requestTarget: text };
    const { origin } = targets;
    const base = origin.path.replace(/\/+$/, '');
    const below = parsed.scheme === origin.scheme && parsed.host === origin.host && parsed.port === origin.port && parsed.path.startsWith(`${base}/`);
    if (!below && this.#proxy.hosts.has(authority)) return asOwn;
    if (!below) throw new MillraceError('ERR_ADMIN_INPUT', `"${url}" is not served here, as far as is known: no client has asked for that host. Write it as /page${own} or ${origin.scheme}://${origin.authority}${base}/page.`);
    return { requestTarget: parsed.path.slice(base.length) };
  }
}

/** In the spelling that targets have. */
function hostOf(text: string): string {
  const parsed = parseAuthority(text);
  if (parsed === undefined) throw new MillraceError('ERR_ADMIN_INPUT', `"${text}" is no host. Write it as example.com, or as example.com:8000 where it has a port of its own.`);
  return makeTarget('http', parsed.host, parsed.port ?? 80, '/').authority;
}
