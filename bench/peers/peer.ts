/**
 * @module bench/peers/peer
 * What the benchmark has to know of a server to race it.
 */

/** A form of Millrace's access log. */
export type LogForm = 'json' | 'pretty';

/** Where and how large a rival is started. */
export interface Place {
  /** Its own, empty, in memory where the machine has that. */
  readonly directory: string;
  readonly port: number;
  readonly originPort: number;
  readonly workers: number;
  readonly cacheMegabytes: number;
  /** The cache is on disk, under the directory; undefined: in memory, or what comes closest to it. */
  readonly diskMegabytes: number | undefined;
  /** It is asked over HTTP/2, and over nothing else where it has to choose. */
  readonly overHttp2: boolean;
  /** The access log it writes to /dev/null; undefined: none. Only Millrace is asked for one. */
  readonly log: LogForm | undefined;
}

export interface Peer {
  readonly name: string;
  /** Looked for on the path and where system programs are. */
  readonly program: string;
  /** Arguments that make it print its version. */
  readonly versionArgs: readonly string[];
  /** Its cache can be on disk, as configured here. */
  readonly keepsOnDisk?: true;
  /** It serves HTTP/2 without TLS, to clients that begin with it. */
  readonly servesHttp2?: true;
  /** The package in Debian. */
  readonly debian?: string;
  /** Whom it turns into where root starts it; the directory is given to this user. */
  readonly user?: string;
  /** Files to write before it starts, by their path within the directory. */
  files?(place: Place): Readonly<Record<string, string>>;
  /** What it is started with; it stays in the foreground. */
  args(place: Place): readonly string[];
}

/** The largest object of the benchmark, with room for its fields. */
export const LARGEST_OBJECT_MB = 101;

/** Root has to tell some servers as whom they run. */
export const isRoot: boolean = process.getuid?.() === 0;
