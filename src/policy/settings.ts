/**
 * @module policy/settings
 * What an operator can change about the policy. Everything else is RFC 9111.
 */
export interface Settings {
  /** False: nothing is stored or reused. */
  readonly cache: boolean;
  /** Seconds; overrides what responses to GET and HEAD state. 0 never caches; undefined: what they state. */
  readonly ttl: number | undefined;
  /** Seconds a response lives that states no lifetime, where nothing private is in play; 0: only the heuristic of RFC 9111 §4.2.2. */
  readonly defaultTtl: number;
  /** Seconds past its lifetime that a response may stand in for an origin that gives no response; 0: only as long as stale-if-error says. */
  readonly staleIfUnreachable: number;
  /**
   * The letter of RFC 9111 where the defaults are safer or kinder: Set-Cookie is stored and replayed,
   * heuristics apply in the presence of cookies, and s-maxage forbids all serving of stale responses.
   */
  readonly letter: boolean;
}
