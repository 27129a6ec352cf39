/**
 * @module origin/address
 * Which hosts and addresses may be connected to. Two questions, asked apart: may this host be
 * asked for at all (HostRules, before a name is resolved), and may this address be connected to
 * (checkAddress, after it was resolved; the address that was checked is the one connected to).
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { MillraceError } from '../errors.ts';

/** Refused unless named: they are no place for a proxied request, or hand out a machine's credentials. */
const FORBIDDEN: readonly [range: string, what: string][] = [
  ['0.0.0.0/8', 'unspecified'],
  ['127.0.0.0/8', 'loopback'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['169.254.0.0/16', 'link-local (cloud metadata)'],
  ['100.100.100.200/32', 'cloud metadata (Alibaba)'],
  ['192.0.0.192/32', 'cloud metadata (Oracle)'],
  ['168.63.129.16/32', 'cloud metadata (Azure)'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['ff00::/8', 'multicast'],
  ['fe80::/10', 'link-local'],
  ['fd00:ec2::/32', 'cloud metadata (AWS)'],
  ['fd20:ce::254/128', 'cloud metadata (Google)'],
  ['fd00:42::42/128', 'cloud metadata (Scaleway)'],
];

const RANGES: readonly { range: [ipaddr.IPv4 | ipaddr.IPv6, number]; what: string }[] = FORBIDDEN.map(([range, what]) => ({ range: ipaddr.parseCIDR(range), what }));

/** What a rule may say about a forbidden address: that the operator named it, or the host, exactly. */
export interface AddressRules {
  names(host: string, port: number, address: string): boolean;
  /** This proxy itself is there, where that is to be refused. */
  isOwn(host: string, port: number): boolean;
}

/** Throws ERR_ADDRESS_DENIED where connections to that address, which `host` stands for, are refused, and ERR_LOOP where it is ours. */
export function checkAddress(address: string, host: string, port: number, rules: AddressRules): void {
  const what = forbidden(address);
  if (what === undefined || rules.names(host, port, address)) return checkLoop(address, host, port, rules);
  const named = address === host ? '' : `Its address is ${address}. `;
  throw new MillraceError('ERR_ADDRESS_DENIED', `${host} may not be reached: it is ${what}.`, { forOperator: `${named}To allow it, name it exactly: --allow-host ${host}.` });
}

/** @param address that `host` stands for, or the host itself */
export function checkLoop(address: string, host: string, port: number, rules: AddressRules): void {
  if (rules.isOwn(address, port)) throw new MillraceError('ERR_LOOP', `${host}:${port} is this proxy itself. Ask for another host or port.`);
}

/** Why an address is refused by default; undefined where it is not. Text that is no address is refused. */
export function forbidden(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return 'no address';
  const parsed = ipaddr.parse(address);
  for (const candidate of [parsed, ...(parsed instanceof ipaddr.IPv6 ? embeddedIPv4(parsed) : [])]) {
    for (const { range, what } of RANGES) {
      if (candidate.kind() === range[0].kind() && candidate.match(range)) return what;
    }
  }
  return undefined;
}

/** The IPv4 addresses inside an IPv6 one that a gateway or the system may deliver it to. */
function embeddedIPv4(address: ipaddr.IPv6): ipaddr.IPv4[] {
  const { parts } = address;
  const at = (index: number, mask = 0): ipaddr.IPv4 => {
    const [high, low] = [parts[index]! ^ mask, parts[index + 1]! ^ mask];
    return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
  };
  const within = (range: string): boolean => address.match(ipaddr.parseCIDR(range));
  // Mapped (RFC 4291 §2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215).
  if (['::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'].some(within)) return [at(6)];
  // 6to4: https://www.rfc-editor.org/rfc/rfc3056.html#section-2
  if (within('2002::/16')) return [at(1)];
  // Teredo, server and client: https://www.rfc-editor.org/rfc/rfc4380.html#section-4
  if (within('2001::/32')) return [at(2), at(6, 0xffff)];
  // ISATAP: https://www.rfc-editor.org/rfc/rfc5214.html#section-6.1
  if ((parts[4]! & 0xfdff) === 0 && parts[5] === 0x5efe) return [at(6)];
  // IPv4-compatible (RFC 4291 §2.5.5.1); :: and ::1 are addresses of their own.
  if (within('::/96') && parts[6] !== 0) return [at(6)];
  return [];
}

/**
 * A host as a URL or a resolver would read it, in one spelling: lower case, no dot at the end,
 * IPv4 in four decimal numbers however it was written (0x7f.1, 2130706433), IPv6 compressed and
 * without brackets. Undefined where it is no host.
 */
export function canonicalHost(text: string): string | undefined {
  // Stricter than a URL, which drops tabs and decodes percent signs: a host is what it looks like.
  if (text.length > 255 || !/^(?:[a-z0-9_](?:[a-z0-9_.-]*)|\[[0-9a-f:.]+\])$/i.test(text)) return undefined;
  const url = URL.parse(`http://${text}/`);
  if (url === null) return undefined;
  const host = url.hostname.replace(/\.$/, '');
  if (host === '' || host.includes('..')) return undefined;
  if (!host.startsWith('[')) return host;
  return ipaddr.parse(host.slice(1, -1)).toString();
}

/**
 * Top-level domains that no public name has: special-use names (RFC 6761, RFC 6762, RFC 8375), `internal`
 * (reserved by ICANN), and those that private networks use: https://www.rfc-editor.org/rfc/rfc6762.html#appendix-G
 */
const PRIVATE_DOMAIN = /\.(?:localhost|local|internal|home\.arpa|test|intranet|private|corp|home|lan)$/;
const PRIVATE_RANGES: ReadonlySet<string> = new Set(['loopback', 'private', 'uniqueLocal', 'linkLocal', 'carrierGradeNat', 'unspecified']);

/** Whether a canonical host can only be on this machine or in a private network: by its address, or as a name that is not public. */
export function isPrivateHost(host: string): boolean {
  if (isIP(host) !== 0) return PRIVATE_RANGES.has(ipaddr.process(host).range());
  return !host.includes('.') || PRIVATE_DOMAIN.test(host);
}

/** Whether a canonical host is this machine itself, by the names and addresses that always mean it. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return isIP(host) !== 0 && ipaddr.process(host).range() === 'loopback';
}
