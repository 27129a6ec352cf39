/**
 * @module server/purge-method
 * PURGE on the port of the proxy, as other caches take it. `PURGE /page` purges that URL; with tags
 * in the fields by which responses are tagged, whatever has one of those. `Fastly-Soft-Purge: 1`
 * makes it soft. It never goes on to the origin: there, another cache may let this machine purge it.
 * Sources: https://www.fastly.com/documentation/reference/http/http-headers/Fastly-Soft-Purge/,
 * https://github.com/varnish/varnish-modules (xkey)
 */
import type { ClientRequest } from '../cache/exchange.ts';
import { MillraceError } from '../errors.ts';
import { passedOnBy } from '../admin/front-proxy.ts';
import { Fields } from '../http/fields.ts';
import { Networks } from '../http/networks.ts';
import { TAG_FIELD_NAMES, statedTags } from '../policy/groups.ts';
import type { ProxyParts, ReceivedMessage } from '../proxy.ts';
import type { OwnResponse } from './own-response.ts';

const SOFT = 'fastly-soft-purge';

export class PurgeMethod {
  readonly #proxy: ProxyParts;
  readonly #allowed: Networks;

  constructor(proxy: ProxyParts) {
    this.#proxy = proxy;
    this.#allowed = new Networks(proxy.config.allowPurge);
  }

  /** Resolves when it is in force. @throws {MillraceError} ERR_PURGE_DENIED, ERR_ADMIN_INPUT, and what admit() throws */
  async answer(message: ReceivedMessage): Promise<OwnResponse> {
    this.#check(message);
    const soft = isSoft(message.fields);
    const tags = tagsIn(message.fields);
    let purged: number | undefined;
    if (tags === undefined) purged = await this.#proxy.purge({ url: this.#target(message), soft });
    else for (const tag of tags) await this.#proxy.purge({ tag, soft });
    return {
      status: 200,
      fields: Fields.of({ 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }),
      body: Buffer.from(`${JSON.stringify({ purged: purged ?? null, ...(soft && { soft }) })}\n`),
    };
  }

  #check({ clientAddress, fields }: ReceivedMessage): void {
    const from = `PURGE from ${clientAddress} is refused`;
    if (this.#allowed.isEmpty) throw denied(`${from}.`, 'So it is from everywhere. Start the proxy with --allow-purge ADDRESS, or purge with millrace purge.');
    if (!this.#allowed.has(clientAddress)) throw denied(`${from}.`, 'It is allowed to those whose address is named with --allow-purge.');
    const passedOn = passedOnBy(fields);
    if (passedOn !== undefined) throw denied(`${from}: it came through a proxy (it has ${passedOn}), so it may be from anywhere. Send it directly.`);
    if (fields.has('origin') || fields.has('sec-fetch-site')) throw denied(`${from}: a web page sent it. Send it with a program.`);
  }

  /** What a GET of that URL would be kept under. */
  #target({ requestTarget, ...message }: ReceivedMessage): ClientRequest['target'] {
    const admit = (target: string): ReturnType<ProxyParts['wouldAdmit']> => this.#proxy.wouldAdmit({ ...message, requestTarget: target, method: 'GET', body: undefined });
    const admitted = admit(requestTarget);
    // The host alone was named: its root is meant.
    const below = admitted.kind === 'redirect' ? admit(admitted.location) : admitted;
    if (below.kind === 'request') return below.request.target;
    throw new MillraceError('ERR_ADMIN_INPUT', `PURGE ${requestTarget} leads to a redirect of the proxy's own, which is not cached.`);
  }
}

function isSoft(fields: Fields): boolean {
  const value = fields.get(SOFT);
  // Whoever misspells it wants nothing removed.
  if (value !== undefined && value !== '0' && value !== '1') throw new MillraceError('ERR_ADMIN_INPUT', `Fastly-Soft-Purge is 1 for a soft purge, and 0 or left out for a hard one, not ${JSON.stringify(value)}.`);
  return value === '1';
}

/** Undefined: no tags but a URL is meant. */
function tagsIn(fields: Fields): string[] | undefined {
  const field = ['cache-groups', ...TAG_FIELD_NAMES].find((name) => fields.has(name));
  if (field === undefined) return undefined;
  const tags = statedTags(fields);
  if (tags.length === 0) throw new MillraceError('ERR_ADMIN_INPUT', `The field ${field} of the PURGE names no tag. Leave it out to purge the URL.`);
  return tags;
}

function denied(message: string, forOperator?: string): MillraceError {
  return new MillraceError('ERR_PURGE_DENIED', message, forOperator === undefined ? {} : { forOperator });
}
