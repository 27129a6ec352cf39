/**
 * @module conformance/judge
 * The checks of a case, in the order the public suite makes them. The first that does not hold is
 * thrown as a Failure; whether it speaks of the cache or only of the set-up stands in it.
 */
import type { CaseRequest, ExpectedField, Interim } from './cases.ts';
import type { ClientResponse } from './client.ts';
import { resolve } from './magic.ts';
import type { Seen } from './origin.ts';

export class Failure extends Error {
  /** The case could not be asked, so that nothing is said of the cache. */
  readonly setup: boolean;

  constructor(setup: boolean, message: string) {
    super(message);
    this.name = 'Failure';
    this.setup = setup;
  }
}

/** Checks that the request itself does not name are a matter of set-up. */
const ALWAYS_SETUP = true;

/**
 * `published`: as the public runner judges, so that results can be compared with the published ones.
 * `strict`: the one check too that the public runner makes but that cannot fail there: a field
 * that must not come with a certain value (`[name, value]` in expected_response_headers_missing).
 */
export type Rules = 'published' | 'strict';

/** Checks the response to request `number` (from 1); `uuid` is the body where none is scripted. */
export function judgeResponse(step: CaseRequest, number: number, response: ClientResponse, uuid: string, rules: Rules): void {
  checkRetry(response);
  checkType(step, number, response);
  checkStatus(step, number, response);
  checkFields(step, number, response);
  checkMissing(step, number, response, rules);
  checkInterim(step, number, response);
  checkBody(step, number, response, uuid);
}

/** Checks what the origin saw, once all requests of a case were played. */
export function judgeOrigin(steps: readonly CaseRequest[], responses: readonly ClientResponse[], seen: readonly Seen[]): void {
  let next = 0;
  for (const [index, step] of steps.entries()) {
    // The origin does not see a request that the cache answers.
    if (step.expected_type === 'cached') continue;
    checkSeen(step, index + 1, responses[index]!, seen[next++]);
  }
  checkRepeats(steps, seen);
}

/** One request of the client is one at the origin; but where the origin closed the connection, asking again is allowed. */
function checkRepeats(steps: readonly CaseRequest[], seen: readonly Seen[]): void {
  for (const [index, step] of steps.entries()) {
    const times = seen.filter((request) => request.request_num === index + 1).length;
    assert(false, times <= 1 || step.disconnect === true, `Request ${index + 1} reached the origin ${times} times`);
  }
}

function isSetup(step: CaseRequest, check: string): boolean {
  return step.setup === true || (step.setup_tests?.includes(check) ?? false);
}

function assert(setup: boolean, holds: boolean, message: string): void {
  if (!holds) throw new Failure(setup, message);
}

function checkRetry(response: ClientResponse): void {
  const numbers = response.fields.get('Request-Numbers')?.split(' ') ?? [];
  assert(ALWAYS_SETUP, new Set(numbers).size === numbers.length, 'retry');
}

function checkType(step: CaseRequest, number: number, response: ClientResponse): void {
  const count = Number.parseInt(response.fields.get('Server-Request-Count') ?? '', 10);
  const setup = isSetup(step, 'expected_type');
  if (step.expected_type === 'cached' && !(response.status === 304 && Number.isNaN(count))) {
    assert(setup, count < number, `Response ${number} does not come from cache`);
  }
  if (step.expected_type === 'not_cached') assert(setup, count === number, `Response ${number} comes from cache`);
}

function checkStatus(step: CaseRequest, number: number, response: ClientResponse): void {
  const { status } = response;
  if (step.expected_status !== undefined) {
    const holds = step.expected_status === null || status === step.expected_status;
    assert(isSetup(step, 'expected_status'), holds, `Response ${number} status is ${status}, not ${step.expected_status}`);
  } else if (step.response_status !== undefined) {
    assert(ALWAYS_SETUP, status === step.response_status[0], `Response ${number} status is ${status}, not ${step.response_status[0]}`);
  } else if (status === 999) {
    throw new Failure(isSetup(step, 'expected_type'), `Request ${number} should have been conditional, but it was not`);
  } else {
    assert(ALWAYS_SETUP, status === 200, `Response ${number} status is ${status}, not 200`);
  }
}

function checkFields(step: CaseRequest, number: number, response: ClientResponse): void {
  for (const expected of step.expected_response_headers ?? []) {
    const problem = fieldProblem(expected, step, response);
    assert(isSetup(step, 'expected_response_headers'), problem === undefined, `Response ${number} ${problem}`);
  }
}

function checkMissing(step: CaseRequest, number: number, response: ClientResponse, rules: Rules): void {
  for (const unwanted of step.expected_response_headers_missing ?? []) {
    if (typeof unwanted !== 'string' && rules === 'published') continue;
    const [name, part = ''] = typeof unwanted === 'string' ? [unwanted] : unwanted;
    const value = response.fields.get(name);
    const holds = value === undefined || !value.includes(part);
    assert(isSetup(step, 'expected_response_headers_missing'), holds, `Response ${number} includes unexpected ${name}: ${value}`);
  }
}

function fieldProblem(expected: ExpectedField, step: CaseRequest, response: ClientResponse): string | undefined {
  const [name, operator, operand] = typeof expected === 'string' ? [expected] : expected;
  const value = response.fields.get(name);
  if (operand === undefined && operator !== undefined) {
    const moment = {
      now: Number.parseInt(response.fields.get('Server-Now') ?? '', 10),
      baseUrl: response.fields.get('Server-Base-Url') ?? '',
    };
    const wanted = resolve(name, operator, step, moment);
    return value === wanted ? undefined : `${name} is "${value}", not "${wanted}"`;
  }
  if (value === undefined) return `${name} is not present`;
  if (operator === '>') return Number.parseInt(value, 10) > Number(operand) ? undefined : `${name} is ${value}, not above ${operand}`;
  if (operator === '=') {
    const other = response.fields.get(String(operand));
    return value === other ? undefined : `${name} is "${value}", not that of ${operand}, "${other}"`;
  }
  return undefined;
}

function checkInterim(step: CaseRequest, number: number, response: ClientResponse): void {
  if (step.expected_interim_responses === undefined) return;
  const setup = isSetup(step, 'expected_interim_responses');
  const wanted = step.expected_interim_responses;
  assert(setup, response.interim.length === wanted.length, `Response ${number} has ${response.interim.length} interim responses, not ${wanted.length}`);
  for (const [index, [status, fields = []]] of wanted.entries()) {
    const got = response.interim[index]!;
    assert(setup, got[0] === status, `Interim response ${index + 1} status is ${got[0]}, not ${status}`);
    for (const [name, value] of fields) {
      assert(setup, interimValue(got, name) === value, `Interim response ${index + 1} ${name} is "${interimValue(got, name)}", not "${value}"`);
    }
  }
}

function interimValue([, fields = []]: Interim, name: string): string | undefined {
  const values = fields.filter(([field]) => field.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

function checkBody(step: CaseRequest, number: number, response: ClientResponse, uuid: string): void {
  if (step.check_body === false) return;
  const { body, status } = response;
  if (step.expected_response_text !== undefined) {
    const holds = step.expected_response_text === null || body === step.expected_response_text;
    assert(isSetup(step, 'expected_response_text'), holds, `Response ${number} body is "${body}", not "${step.expected_response_text}"`);
  } else if (typeof step.response_body === 'string') {
    assert(ALWAYS_SETUP, body === step.response_body, `Response ${number} body is "${body}", not "${step.response_body}"`);
  } else if (status !== 204 && status !== 304 && step.request_method !== 'HEAD') {
    assert(ALWAYS_SETUP, body === uuid, `Response ${number} body is "${body}", not "${uuid}"`);
  }
}

/** `seen` is what the origin saw in the place of request `number`; undefined where it saw nothing more. */
function checkSeen(step: CaseRequest, number: number, response: ClientResponse, seen: Seen | undefined): void {
  if (seen === undefined) {
    const validated = step.expected_type?.endsWith('validated') === true;
    const asked = validated || step.expected_type === 'not_cached' || step.expected_request_headers !== undefined || step.expected_request_headers_missing !== undefined || step.expected_method !== undefined;
    // The public suite falls over here unless validation was expected, and a case that falls over has failed.
    assert(validated && isSetup(step, 'expected_type'), !asked, `Request ${number} was not sent to the origin`);
    return;
  }
  const typeSetup = isSetup(step, 'expected_type');
  if (step.expected_type === 'not_cached') {
    assert(typeSetup, seen.request_num === number, `Response ${number} comes from cache (the origin saw request ${seen.request_num})`);
  }
  const condition = step.expected_type === 'etag_validated' ? 'if-none-match' : step.expected_type === 'lm_validated' ? 'if-modified-since' : undefined;
  if (condition !== undefined) assert(typeSetup, condition in seen.request_headers, `Request ${number} had no ${condition} at the origin`);

  for (const expected of step.expected_request_headers ?? []) {
    const [name, wanted] = typeof expected === 'string' ? [expected] : expected;
    const value = seen.request_headers[name.toLowerCase()];
    const holds = wanted === undefined ? value !== undefined : value === wanted;
    assert(isSetup(step, 'expected_request_headers'), holds, `Request ${number} ${name} is "${String(value)}" at the origin, not "${wanted ?? 'present'}"`);
  }
  for (const unwanted of step.expected_request_headers_missing ?? []) {
    const [name, part] = typeof unwanted === 'string' ? [unwanted] : unwanted;
    const value = seen.request_headers[name.toLowerCase()];
    const holds = part === undefined ? value === undefined : value !== part;
    assert(isSetup(step, 'expected_request_headers_missing'), holds, `Request ${number} ${name} is "${String(value)}" at the origin`);
  }
  for (const [name, sent] of seen.response_headers) {
    if (name.toLowerCase() === 'date') continue;
    const wanted = typeof sent === 'string' ? sent : sent.join(', ');
    const value = response.fields.get(name);
    assert(ALWAYS_SETUP, value === wanted, `Response ${number} ${name} is "${value}", not "${wanted}" as the origin sent it`);
  }
  if (step.expected_method !== undefined) {
    assert(isSetup(step, 'expected_method'), seen.request_method === step.expected_method, `Request ${number} had method ${seen.request_method} at the origin, not ${step.expected_method}`);
  }
}
