/**
 * @module bench/race-fixture
 * Short races of fakes, before an origin of the tests.
 */
import { join } from 'node:path';
import { after, before } from 'node:test';
import { freePort } from '../test/kit/port.ts';
import { CASES } from './cases.ts';
import type { Case } from './cases.ts';
import { type Child, startChild, untilListening } from './child.ts';
import { findProgram } from './machine.ts';
import { race } from './race.ts';
import type { Entrant, Pace } from './race.ts';
import type { Rival } from './rivals.ts';

const PACE: Pace = { rounds: 2, seconds: 0.5, warmUp: 0.5 };
export const HITS: Case = CASES.find(({ name }) => name === 'hit-1k')!;

/** Why what needs load cannot be tested here; false where it can. */
export const skipWithoutWrk: string | false = findProgram('wrk') === undefined ? 'wrk is not installed' : false;

export function fake(name: string, defect = '', script = 'fake.ts'): Rival {
  const args = ({ port, originPort }: { port: number; originPort: number }): string[] => [join(import.meta.dirname, script), String(port), String(originPort), defect];
  return { peer: { name, program: process.execPath, versionArgs: ['--version'], args }, program: process.execPath, version: '1' };
}

/** For one suite, whose origin is started and stopped with it. */
export function racing(): (one: Case, ...rivals: Rival[]) => Promise<Entrant[]> {
  let origin: Child;
  let originPort: number;
  before(async () => {
    originPort = await freePort();
    origin = startChild([process.execPath, join(import.meta.dirname, 'origin.ts'), String(originPort)]);
    await untilListening(origin, originPort);
  });
  after(() => origin.stop());
  return (one, ...rivals) => race(one, rivals, PACE, originPort, () => undefined);
}
