/**
 * @module cache/explain
 * Says what is stored for a request, what would be done with it now, and why, out of the very
 * values the engine works with.
 */
import { formatContentRange } from '../http/byte-range.ts';
import { normalUrl } from '../http/normal-url.ts';
import { type Lifetime, currentAge, freshnessLifetime } from '../policy/freshness.ts';
import { carriesPrivate } from '../policy/message.ts';
import { runsOf } from '../policy/parts.ts';
import { type Reason, reasonKind } from '../policy/reason.ts';
import { decide } from '../policy/reuse.ts';
import type { Settings } from '../policy/settings.ts';
import { SelectingFields, firstMismatch } from '../policy/vary.ts';
import type { Backoff } from './backoff.ts';
import type { ClientRequest } from './exchange.ts';
import type { ExplainedReason, ExplainedVariant, Explanation } from './explanation.ts';
import { flightKey } from './flight.ts';
import { urlOfKey } from './key.ts';
import type { Store } from './ports.ts';
import type { Located, Variants } from './variants.ts';
import type { Verdicts } from './verdicts.ts';

/** Other spellings that are listed. */
const MAX_SPELLINGS = 10;
/** Keys looked at between two turns of the event loop. */
const STEP = 1000;

export interface ExplainParts {
  readonly store: Store;
  readonly variants: Variants;
  readonly verdicts: Verdicts;
  readonly backoff: Backoff;
  readonly settings: Settings;
  /** ms since the epoch */
  readonly now: number;
}

export async function explain(key: string, request: ClientRequest, { store, variants, verdicts, backoff, settings, now }: ExplainParts): Promise<Explanation> {
  const stored = await variants.list(key);
  const head = { method: request.method, fields: request.fields, hasBody: request.body !== undefined, url: urlOfKey(key) };
  const lookup = await variants.find(key, request.fields, request.forwardedAs);
  const name = flightKey(key, request, lookup.names, carriesPrivate(head));
  const unanswered = backoff.holdsUp(request.target, name, now);
  const decision = decide(head, { stored: lookup.located?.entry, mismatch: lookup.mismatch, softPurged: lookup.softPurged, length: lookup.located?.object.body.length, unanswered }, settings, now);
  const verdict = verdicts.get(name, now);
  return {
    url: urlOfKey(key),
    method: request.method,
    key,
    stored: stored.map((located) => explainVariant(located, request, freshnessLifetime(located.entry, settings), variants.isSoftPurged(key, located.entry), now)),
    otherSpellings: await otherSpellings(key, store),
    // To ask again helps only where it is not known that the response is not stored.
    now: { action: decision.action, reasons: decision.reasons.map(inWords).map((reason) => (verdict !== undefined && reason.code === 'not-stored' ? { ...reason, remedy: undefined } : reason)) },
    notStored: verdict && { at: new Date(verdict.at).toISOString(), reasons: verdict.reasons.map(inWords) },
  };
}

async function otherSpellings(key: string, store: Store): Promise<string[]> {
  const url = urlOfKey(key);
  const normal = normalUrl(url);
  const found = new Set<string>();
  let seen = 0;
  for await (const other of store.keys()) {
    const otherUrl = urlOfKey(other);
    if (otherUrl !== url && !other.includes('\n') && normalUrl(otherUrl) === normal) found.add(otherUrl);
    if (found.size === MAX_SPELLINGS) break;
    if (++seen % STEP === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return [...found];
}

function explainVariant({ entry, object }: Located, { fields, forwardedAs }: ClientRequest, lifetime: Lifetime, softPurged: boolean, now: number): ExplainedVariant {
  const { names, values } = entry.selection;
  const { range } = entry;
  const parts = range && runsOf([range, ...entry.parts]);
  return {
    status: entry.status,
    method: entry.method,
    bytes: parts?.reduce((sum, { first, last }) => sum + last + 1 - first, 0) ?? object.body.length,
    parts: parts?.map(({ first, last }) => formatContentRange({ first, last, length: range!.length })),
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
