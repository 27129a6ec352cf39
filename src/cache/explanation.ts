/**
 * @module cache/explanation
 * What is told of a URL: what is stored, what would be done with a request now, and why.
 */
import type { ReasonCode } from '../policy/reason.ts';
import type { Decision } from '../policy/reuse.ts';

/** A reason in words, with where its rule stands. */
export interface ExplainedReason {
  readonly code: ReasonCode;
  readonly words: string;
  readonly detail: string | undefined;
  /** URL of the RFC's section; undefined where the rule is Millrace's own. */
  readonly source: string | undefined;
  /** What single change would turn it into a hit. */
  readonly remedy: string | undefined;
}

export interface ExplainedVariant {
  readonly status: number;
  readonly method: string;
  /** Bytes of body that are stored. */
  readonly bytes: number;
  /** Where not all of the body is stored: what is, as in Content-Range. */
  readonly parts: readonly string[] | undefined;
  /** When the response was received or last validated; ISO 8601. */
  readonly storedAt: string;
  /** Seconds. */
  readonly age: number;
  /** Seconds. */
  readonly lifetime: number;
  readonly lifetimeReason: ExplainedReason;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Selecting header fields with the values that selected this response. */
  readonly selectedBy: Readonly<Record<string, string | null>>;
  /** Marked stale by a soft purge. */
  readonly softPurged: boolean;
  /** The request would get this one. */
  readonly matches: boolean;
}

export interface Explanation {
  /** The URL as the origin gets it. */
  readonly url: string;
  readonly method: string;
  readonly key: string;
  readonly stored: readonly ExplainedVariant[];
  /** URLs that differ from it in spelling alone, and are cached apart. */
  readonly otherSpellings: readonly string[];
  /** What the request would meet now. */
  readonly now: { readonly action: Decision['action']; readonly reasons: readonly ExplainedReason[] };
  /** Why the response to such a request was not stored, where that happened lately. */
  readonly notStored: { readonly at: string; readonly reasons: readonly ExplainedReason[] } | undefined;
}
