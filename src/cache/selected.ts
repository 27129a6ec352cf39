/**
 * @module cache/selected
 * Which of the responses stored for one URL a request selects.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.1
 */
import { createHash } from 'node:crypto';
import type { Fields } from '../http/fields.ts';
import { SelectingFields, type Selection, firstMismatch } from '../policy/vary.ts';
import type { Variant } from './entry.ts';
import type { Located } from './variants.ts';

/** What stands under a URL's own key. */
export interface First extends Located {
  readonly isDead: boolean;
}

/** What is stored for a URL, as a request selects among it. */
export interface Selected {
  /** The first variant itself, or one of its list. */
  readonly best: Located | Variant | undefined;
  readonly mismatch: string | undefined;
  readonly names: readonly string[];
}

/**
 * Of several the most recent. Those that state what selects them go before those that do not: an origin
 * may leave Vary out of its default response alone.
 * Source: https://www.rfc-editor.org/rfc/rfc9111.html#section-4.1
 */
export function select(first: First, request: Fields, forwardedAs: string): Selected {
  const fields = new SelectingFields(request);
  let mismatch = first.isDead ? undefined : firstMismatch(first.entry.selection, fields, forwardedAs);
  let best: Located | Variant | undefined = first.isDead || mismatch !== undefined ? undefined : first;
  if (first.entry.others.length === 0) return { best, mismatch, names: first.entry.selection.names.toSorted() };
  const names = new Set(first.entry.selection.names);
  for (const variant of first.entry.others) {
    for (const name of variant.selection.names) names.add(name);
    const differs = firstMismatch(variant.selection, fields, forwardedAs);
    if (differs !== undefined) mismatch = differs;
    else if (best === undefined || isBetter(variant, best)) best = variant;
  }
  return { best, mismatch, names: [...names].sort() };
}

function isBetter(variant: Variant, than: Located | Variant): boolean {
  const [varies, othersVary] = [variant.selection.names.length > 0, selectionIn(than).names.length > 0];
  return varies === othersVary ? variant.at > ('entry' in than ? than.entry.responseTime : than.at) : varies;
}

export function selectionIn(each: Located | Variant): Selection {
  return 'entry' in each ? each.entry.selection : each.selection;
}

/** The language of the response is a consequence of what selected it. */
function selectors({ names, values, forwardedAs }: Selection): string {
  return JSON.stringify([names, values, forwardedAs]);
}

export function isSame(a: Selection, b: Selection): boolean {
  return selectors(a) === selectors(b);
}

export function variantKey(key: string, selection: Selection): string {
  return `${key}\n${createHash('sha256').update(selectors(selection)).digest('base64url')}`;
}
