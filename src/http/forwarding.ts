/**
 * @module http/forwarding
 * The fields a proxy adds to a message it passes on: Host, Via, CDN-Loop, X-Forwarded-* and
 * Forwarded on the way to the origin, Via and Date on the way back.
 */
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { formatHttpDate } from './date.ts';
import { Fields, plainName } from './fields.ts';
import { isForeignSpelling } from './hop-by-hop.ts';
import { Networks } from './networks.ts';
import { METHOD_OVERRIDES, isFromProxies, tellsOfUrl } from './proxy-fields.ts';
import { appendCdnLoop, appendVia, checkLoop } from './via.ts';

/**
 * How a request reached its origin. 'reverse': the origin is the operator's and is told about the
 * client. 'embedded' (the host stands in the path) and 'forward' (absolute-form): a stranger's,
 * and is told nothing but Via and CDN-Loop.
 */
export type ProxyMode = 'reverse' | 'embedded' | 'forward';

export interface ForwardingRules {
  /** The name of this running Millrace in CDN-Loop: a token, unlike any other's, shared by its workers. */
  readonly instance: string;
  /** 'reverse' only: pass on the client's Host instead of the origin's. */
  readonly preserveHost: boolean;
  /** Addresses or CIDR ranges whose X-Forwarded-* and Forwarded are believed. */
  readonly trustProxy: readonly string[];
}

export interface ReceivedRequest {
  readonly method: string;
  /** End-to-end fields as the client sent them (see hop-by-hop). */
  readonly fields: Fields;
  /** "1.1", "1.0", "2.0" */
  readonly httpVersion: string;
  /** How the client is connected to us. */
  readonly scheme: 'http' | 'https';
  readonly clientAddress: string;
}

/** The URL that a client used, up to its path. */
export interface ClientBase {
  readonly scheme: string;
  /** host[:port] as it was sent; undefined where the client named none. */
  readonly host: string | undefined;
}

export interface ForwardedRequest {
  /** What the origin gets. */
  readonly fields: Fields;
  /** Where the client sees this proxy: by what it sent, or by what a trusted proxy says. 'reverse' only. */
  readonly client: ClientBase | undefined;
  /** See ClientRequest.forwardedAs; `proto://host` or "". */
  readonly forwardedAs: string;
}

export class Forwarding {
  readonly #instance: string;
  readonly #preserveHost: boolean;
  readonly #trusted: Networks;

  /** @throws {MillraceError} ERR_CONFIG for a trustProxy entry that is neither an address nor a CIDR range */
  constructor(rules: ForwardingRules) {
    this.#instance = rules.instance;
    this.#preserveHost = rules.preserveHost;
    this.#trusted = new Networks(rules.trustProxy);
  }

  /** What goes to the origin with that authority. Throws ERR_LOOP where the request has been here before. */
  forward(request: ReceivedRequest, authority: string, mode: ProxyMode): ForwardedRequest {
    checkLoop(request.fields, this.#instance);
    const trusted = mode === 'reverse' && this.#trusted.has(request.clientAddress);
    const scheme = (trusted ? request.fields.get('x-forwarded-proto') : undefined) ?? request.scheme;
    const sentHost = request.fields.first('host');
    // The origin is told the spelling that is in the key: one that it does not know, and answers otherwise, is nobody else's.
    const clientHost = sentHost === undefined ? undefined : spelled(sentHost, scheme);
    const fields = new Fields();
    // Host first, as user agents are asked to send it.
    // https://www.rfc-editor.org/rfc/rfc9110.html#section-7.2
    // A client of HTTP/1.0 need not send any.
    fields.append('Host', mode === 'reverse' && this.#preserveHost && clientHost ? clientHost : authority);
    const cacheable = request.method === 'GET' || request.method === 'HEAD' || request.method === 'QUERY';
    const { lines } = request.fields;
    for (let i = 0; i < lines.length; i += 2) {
      const plain = plainName(lines[i]!);
      if (plain === 'host') continue;
      if (isForeignSpelling(lines[i]!, plain) || (!trusted && isFromProxies(plain))) continue;
      if (cacheable && METHOD_OVERRIDES.has(plain)) continue;
      fields.append(lines[i]!, lines[i + 1]!);
    }
    appendVia(fields, request.httpVersion);
    appendCdnLoop(fields, this.#instance);
    if (mode !== 'reverse') return { fields, forwardedAs: '', client: undefined };
    // Before our own Forwarded is added.
    const told = trusted ? toldOfUrl(fields) : '';
    const client = trusted ? claimedBase(fields, request, clientHost) : { scheme, host: clientHost || undefined };
    const host = describeClient(fields, request, clientHost, scheme);
    // A trusted proxy may ask for another host than it says that its client asked for.
    const alsoTold = this.#preserveHost && trusted && clientHost && clientHost !== host ? ` host: ${clientHost}` : '';
    return { fields, forwardedAs: `${scheme}://${host}${alsoTold}${told}`, client };
  }
}

/**
 * Completes what came from an origin, before it is stored or sent on: Via, and Date where it sent none. Other
 * ways to the origin (Alt-Svc) are no ways to this proxy.
 */
export function completeResponse(fields: Fields, httpVersion: string, now: number): void {
  fields.delete('alt-svc');
  appendVia(fields, httpVersion);
  // A recipient with a clock records when it received a response without Date.
  // https://www.rfc-editor.org/rfc/rfc9110.html#section-6.6.1
  if (!fields.has('date')) fields.append('Date', formatHttpDate(now));
}

/**
 * A host without regard to case, without the port that is the scheme's default, and without the dot that ends
 * an absolute name: https://www.rfc-editor.org/rfc/rfc9110.html#section-4.2.3, https://www.rfc-editor.org/rfc/rfc3986.html#section-3.2.2
 */
function spelled(host: string, scheme: string): string {
  const lower = host.toLowerCase();
  const port = scheme === 'https' ? ':443' : ':80';
  const short = lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
  return short.includes('.') ? short.replace(/\.(?=$|:\d+$)/, '') : short;
}

/** Of the values that several proxies have listed, the one nearest to the client. */
function firstOf(list: string): string {
  const comma = list.indexOf(',');
  return (comma === -1 ? list : list.slice(0, comma)).trim();
}

/** The base that a trusted proxy names: by X-Forwarded-*, else by Forwarded, else by what it asked for itself. */
function claimedBase(fields: Fields, { scheme }: ReceivedRequest, clientHost: string | undefined): ClientBase {
  const element = firstOf(fields.get('forwarded') ?? '');
  const claimed = (name: string, pair: string): string => firstOf(fields.get(name) ?? '') || pairOf(element, pair);
  return { scheme: claimed('x-forwarded-proto', 'proto') || scheme, host: claimed('x-forwarded-host', 'host') || clientHost || undefined };
}

/** The value of a pair of Forwarded, "" where there is none. */
function pairOf(element: string, name: string): string {
  const pair = (element.match(HOST_AND_PROTO) ?? []).find((each) => each.toLowerCase().startsWith(`${name}=`));
  return pair === undefined ? '' : pair.slice(name.length + 1).replace(/^"|"$/g, '').replace(/\\(.)/g, '$1');
}

/** Appends to, or sets, the fields that tell the origin about the client; returns the host they tell. */
function describeClient(fields: Fields, request: ReceivedRequest, clientHost: string | undefined, scheme: string): string {
  const address = nodeName(request.clientAddress);
  const addressesBefore = fields.get('x-forwarded-for');
  fields.set('X-Forwarded-For', addressesBefore === undefined ? address : `${addressesBefore}, ${address}`);
  if (!fields.has('x-forwarded-proto')) fields.append('X-Forwarded-Proto', scheme);
  const claimedHost = fields.get('x-forwarded-host');
  const host = claimedHost === undefined ? clientHost : spelled(claimedHost, scheme);
  if (host !== undefined) fields.set('X-Forwarded-Host', host);
  const element = forwardedElement(address, request.scheme, clientHost);
  const before = fields.get('forwarded');
  fields.set('Forwarded', before === undefined ? element : `${before}, ${element}`);
  return host ?? '';
}

/**
 * What else a trusted proxy told of the URL: it may only have passed on what a client made up, and
 * then nobody else shall get the response to that.
 */
function toldOfUrl(fields: Fields): string {
  let told = '';
  for (const [name, value] of fields) {
    const plain = plainName(name);
    if (tellsOfUrl(plain)) told += ` ${plain}: ${value}`;
    else if (plain === 'forwarded') told += (value.match(HOST_AND_PROTO) ?? []).map((pair) => ` ${pair}`).join('');
    // With "-" in the name it is part of forwardedAs by itself.
    else if (name.includes('_') && (plain === 'x-forwarded-host' || plain === 'x-forwarded-proto')) told += ` ${name}: ${value}`;
  }
  return told;
}

const HOST_AND_PROTO = /\b(?:host|proto)=(?:"(?:[^"\\]|\\.)*"|[^;,\s]*)/gi;

/** https://www.rfc-editor.org/rfc/rfc7239.html#section-6 */
function nodeName(address: string): string {
  // In four decimal numbers it is in its one spelling already.
  if (isIPv4(address)) return address;
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : 'unknown';
}

// https://www.rfc-editor.org/rfc/rfc7239.html#section-4
function forwardedElement(address: string, scheme: string, host: string | undefined): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  return `for=${node}${host === undefined ? '' : `;host=${tokenOrQuoted(host)}`};proto=${scheme}`;
}

function tokenOrQuoted(value: string): string {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}
