/**
 * @module cli/warm/log-lines
 * What was asked for, from lines of access logs: Millrace's own, as JSON or for people, and the
 * common and combined formats of other servers.
 * Source: https://httpd.apache.org/docs/2.4/logs.html#common
 */
export interface LoggedRequest {
  readonly method: string;
  /** The request target, as it stood in the request line. */
  readonly target: string;
  readonly status: number;
}

/** Before the time stand client, identity and user, in some logs the virtual host too. */
const COMMON = /^[^[]* \[[^\]]+\] "([A-Z]+) ([^\s"\\]+)(?: HTTP\/[\d.]+)?" (\d{3}) /;
const PRETTY = /^\d\d:\d\d:\d\d (\d{3}) (?:HIT|MISS|STALE|REVALIDATED|BYPASS) +\S+ +\S+ {2}([A-Z]+) (\S+)(?: |$)/;
const COLOURS = /\u001B\[[\d;]*m/g;

/** Undefined for a line of something else. */
export function parseLogLine(line: string): LoggedRequest | undefined {
  if (line.startsWith('{')) return fromJson(line);
  const pretty = PRETTY.exec(line.replace(COLOURS, ''));
  if (pretty !== null) return { status: Number(pretty[1]), method: pretty[2]!, target: pretty[3]! };
  const common = COMMON.exec(line);
  return common === null ? undefined : { method: common[1]!, target: common[2]!, status: Number(common[3]) };
}

function fromJson(line: string): LoggedRequest | undefined {
  let value: { method?: unknown; url?: unknown; status?: unknown };
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    return undefined;
  }
  const { method, url, status } = value;
  return typeof method === 'string' && typeof url === 'string' && typeof status === 'number' ? { method, target: url, status } : undefined;
}
