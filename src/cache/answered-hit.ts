/**
 * @module cache/answered-hit
 * The outcome of a hit that was given with a prepared answer.
 */
import { type Outcome, WITHOUT_ORIGIN } from './outcome.ts';
import type { Answer } from './prepared-answer.ts';

/** What an outcome takes of a prepared answer. */
export type AnsweredHit = Pick<Answer, 'logged' | 'method' | 'url' | 'status' | 'bodyLength' | 'reasons'>;

/** Of a hit that was given with a prepared answer. */
export function outcomeOfHit(answer: AnsweredHit, { startedAt, duration, clientAddress, bytes, error }: Pick<Outcome, 'startedAt' | 'duration' | 'clientAddress' | 'bytes' | 'error'>): Outcome {
  return {
    startedAt,
    duration,
    method: answer.method,
    url: answer.url,
    clientAddress,
    status: answer.status,
    result: 'HIT',
    reasons: answer.reasons(startedAt),
    bytes,
    ...WITHOUT_ORIGIN,
    error,
  };
}
