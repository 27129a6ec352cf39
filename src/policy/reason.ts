/**
 * @module policy/reason
 * Every reason a decision can rest on, in one table: the words a person reads, and where the rule stands.
 * A reason is data: explain, logs, Cache-Status and counters show the same value.
 */
interface ReasonKind {
  readonly words: string;
  /** URL of the section of the RFC, or of our own documentation where the rule is ours. */
  readonly source: string;
}

const rfc9111 = (section: string): string => `https://www.rfc-editor.org/rfc/rfc9111.html#section-${section}`;

export const REASONS = {
  'not-stored': { words: 'nothing is stored for this URL', source: rfc9111('4') },
  fresh: { words: 'a fresh response is stored', source: rfc9111('4.2') },
} as const satisfies Record<string, ReasonKind>;

export type ReasonCode = keyof typeof REASONS;

export interface Reason {
  readonly code: ReasonCode;
  /** The header field or figure that decided, as text: `Cache-Control: no-store`, `age 70 s over 60 s`. */
  readonly detail?: string;
}
