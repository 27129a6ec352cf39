/**
 * @module cache/explain
 * Says what is stored for a request, what would be done with it now, and why, out of the very
 * values the engine works with.
 */
import { type Lifetime, currentAge, freshnessLifetime } from '../policy/freshness.ts';
import { carriesPrivate } from '../policy/message.ts';
import { type Reason, type ReasonCode, reasonKind } from '../policy/reason.ts';
import { type Decision, decide } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { SelectingFields, firstMismatch } from '../policy/vary.ts';
import type { ClientRequest } from './exchange.ts';
import { flightKey } from './flight.ts';
import { urlOfKey } from './key.ts';
import type { Located, Variants } from './variants.ts';
import type { Verdicts } from './verdicts.ts';

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
  /** Bytes of body. */
  readonly bytes: number;
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
  /** What the request would meet now. */
  readonly now: { readonly action: Decision['action']; readonly reasons: readonly ExplainedReason[] };
  /** Why the response to such a request was not stored, where that happened lately. */
  readonly notStored: { readonly at: string; readonly reasons: readonly ExplainedReason[] } | undefined;
}

export interface ExplainParts {
  readonly variants: Variants;
  readonly verdicts: Verdicts;
  readonly settings: Settings;
  /** ms since the epoch */
  readonly now: number;
}

export async function explain(key: string, request: ClientRequest, { variants, verdicts, settings, now }: ExplainParts): Promise<Explanation> {
  const stored = await variants.list(key);
  const head = { method: request.method, fields: request.fields, hasBody: request.body !== undefined, url: urlOfKey(key) };
  const lookup = await variants.find(key, request.fields, request.forwardedAs);
  const decision = decide(head, { stored: lookup.located?.entry, mismatch: lookup.mismatch, softPurged: lookup.softPurged, length: lookup.located?.object.body.length }, settings, now);
  const verdict = verdicts.get(flightKey(key, request, lookup.names, carriesPrivate(head)), now);
  return {
    url: urlOfKey(key),
    method: request.method,
    key,
    stored: stored.map((located) => explainVariant(located, request, freshnessLifetime(located.entry, settings), variants.isSoftPurged(key, located.entry), now)),
    now: { action: decision.action, reasons: decision.reasons.map(inWords) },
    notStored: verdict && { at: new Date(verdict.at).toISOString(), reasons: verdict.reasons.map(inWords) },
  };
}

function explainVariant({ entry, object }: Located, { fields, forwardedAs }: ClientRequest, lifetime: Lifetime, softPurged: boolean, now: number): ExplainedVariant {
  const { names, values } = entry.selection;
  return {
    status: entry.status,
    method: entry.method,
    bytes: object.body.length,
    storedAt: new Date(entry.responseTime).toISOString(),
    age: Math.floor(currentAge(entry, now)),
    lifetime: lifetime.seconds,
    lifetimeReason: inWords(lifetime.reason),
    etag: entry.fields.first('etag'),
    lastModified: entry.fields.first('last-modified'),
    selectedBy: {
      ...Object.fromEntries(names.map((name, i) => [name, values[i] ?? null])),
      ...(entry.selection.forwardedAs === '' ? {} : { host: entry.selection.forwardedAs }),
    },
    softPurged,
    matches: firstMismatch(entry.selection, new SelectingFields(fields), forwardedAs) === undefined,
  };
}

function inWords({ code, detail }: Reason): ExplainedReason {
  const { words, source, remedy } = reasonKind(code);
  return { code, words, detail, source, remedy };
}
