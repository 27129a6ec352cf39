/**
 * @module config
 * The resolved configuration: every value present, in one unit (seconds, bytes).
 */
export interface Config {
  /** Reverse proxy for this origin, e.g. `http://localhost:3000/base`; undefined: embedded-host mode. */
  readonly origin: string | undefined;
  /** 8080 with an origin, 8888 without. 0 takes a free port. */
  readonly port: number;
  readonly host: string;
  /** Embedded-host mode: the port of a host that names none. */
  readonly upstreamPort: number;
  /** False (--no-cache): everything is passed through. */
  readonly cache: boolean;
  /** Seconds; overrides what responses state. 0 never caches. Undefined: what responses state. */
  readonly ttl: number | undefined;
  /** Seconds a response lives that states no lifetime, where nothing private is in play. */
  readonly defaultTtl: number;
  /** Store and replay Set-Cookie (--preset rfc9111). */
  readonly replaySetCookie: boolean;
  /** Bytes. */
  readonly maxMemory: number;
  /** Bytes of one stored response. */
  readonly maxObject: number;
  readonly sortQuery: boolean;
  readonly preserveHost: boolean;
  /** Addresses or CIDR ranges whose X-Forwarded-* and Forwarded are believed. */
  readonly trustProxy: readonly string[];
  /** Patterns (`api.example.com`, `*.example.com`, `10.0.0.5:8080`) of hosts that may be reached in embedded-host mode. */
  readonly allowHost: readonly string[];
  readonly allowConnect: boolean;
  readonly admin: boolean;
  /** Undefined: admin answers on the main port. */
  readonly adminPort: number | undefined;
  readonly adminToken: string | undefined;
  readonly logFormat: 'auto' | 'pretty' | 'json' | 'off';
  readonly verbose: boolean;
  /** Seconds in-flight requests may take to finish when the server stops. */
  readonly shutdownTimeout: number;
  /** Seconds to connect to the origin. */
  readonly connectTimeout: number;
  /** Seconds the origin may take to the head of its response, and between two pieces of body. */
  readonly originTimeout: number;
}
