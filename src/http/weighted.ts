/**
 * @module http/weighted
 * Lists whose members carry a weight: Accept, Accept-Language, Accept-Encoding.
 * Source: https://www.rfc-editor.org/rfc/rfc9110.html#section-12.4.2
 */
import { splitList } from './list.ts';

export interface Weighted {
  /** In lower case; a media range keeps its parameters, as `text/html;level=1`. */
  readonly value: string;
  /** From 0 (not acceptable) to 1. */
  readonly q: number;
}

/**
 * The members, the preferred first and equal ones in the order sent. A weight that cannot be read counts
 * as none, which is 1; one over 1 is 1. What follows the weight (the accept-ext of old) is dropped.
 */
export function parseWeighted(value: string): Weighted[] {
  const members: Weighted[] = [];
  for (const member of splitList(value)) {
    const parts = splitList(member.toLowerCase(), { separator: ';' });
    const weightAt = parts.findIndex((part, i) => i > 0 && part.startsWith('q='));
    const name = parts.slice(0, weightAt === -1 ? undefined : weightAt).join(';');
    // A member that begins with its parameters has no value to weigh.
    if (name !== '' && !member.startsWith(';')) members.push({ value: name, q: weight(parts[weightAt]) });
  }
  return members.sort((a, b) => b.q - a.q);
}

function weight(part: string | undefined): number {
  const digits = /^q=(\d*\.?\d+|\d+\.)$/.exec(part ?? '')?.[1];
  return digits === undefined ? 1 : Math.min(1, Number(digits));
}
