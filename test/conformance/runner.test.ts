/**
 * The runner's own judgement, shown on small caches that are right or wrong on purpose. The cases
 * are of the suite's format, but our own.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Case, CaseRequest, Suite } from './cases.ts';
import { departures } from './comparison.ts';
import type { Expectations } from './expected.ts';
import type { Rules } from './judge.ts';
import { ScriptedOrigin } from './origin.ts';
import { count, settle } from './outcome.ts';
import type { Outcome, Verdict } from './outcome.ts';
import { Player } from './player.ts';
import { startScriptedCache } from './scripted-cache.ts';
import type { Habits } from './scripted-cache.ts';
import { Trace } from './trace.ts';

const FRESH: CaseRequest = { response_headers: [['Cache-Control', 'max-age=60']], setup: true };

function caseOf(id: string, ...requests: CaseRequest[]): Case {
  return { id, name: id, requests };
}

async function play(cases: readonly Case[], habits: Habits = {}, rules: Rules = 'strict'): Promise<Outcome[]> {
  const origin = new ScriptedOrigin();
  const cache = await startScriptedCache(await origin.listen(0), habits);
  const player = new Player(cache.url, rules);
  const suite: Suite = { id: 'ours', name: 'Ours', tests: cases };
  try {
    return settle([suite], await player.playAll(cases));
  } finally {
    player.close();
    await cache.close();
    await origin.close();
  }
}

/** The only outcome of the only case. */
async function verdict(only: Case, habits: Habits = {}, rules: Rules = 'strict'): Promise<Verdict> {
  const [outcome] = await play([only], habits, rules);
  return outcome!.verdict;
}

describe('expected_type', () => {
  const cached = caseOf('cached', FRESH, { expected_type: 'cached' });
  const notCached = caseOf('not-cached', FRESH, { expected_type: 'not_cached' });
  const condition: CaseRequest = { request_headers: [['If-None-Match', '"a"']], expected_type: 'etag_validated', expected_status: 304 };

  test('tells a cache that stores from one that does not', async () => {
    assert.equal(await verdict(cached, { hoards: true }), 'passed');
    assert.equal(await verdict(cached), 'failed');
    assert.equal(await verdict(notCached, { hoards: true }), 'failed');
    assert.equal(await verdict(notCached), 'passed');
  });

  test('is a matter of set-up where the case says so', async () => {
    assert.equal(await verdict(caseOf('a', FRESH, { expected_type: 'cached', setup: true })), 'setup');
    assert.equal(await verdict(caseOf('b', FRESH, { expected_type: 'cached', setup_tests: ['expected_type'] })), 'setup');
    assert.equal(await verdict(caseOf('c', FRESH, { expected_type: 'cached', setup_tests: ['expected_status'] })), 'failed');
  });

  test('validated: the origin must get the validator it gave', async () => {
    const tagged: CaseRequest = { response_headers: [['ETag', '"a"']], setup: true };
    assert.equal(await verdict(caseOf('a', tagged, condition)), 'passed');
    assert.equal(await verdict(caseOf('b', tagged, { expected_type: 'etag_validated' })), 'failed');
    assert.equal(await verdict(caseOf('c', { response_headers: [['ETag', '"b"']] }, { ...condition, expected_status: 200 })), 'failed');
  });

  test('validated by date: an integer If-Modified-Since counts from the previous response', async () => {
    const dated: CaseRequest = { response_headers: [['Last-Modified', -100]], setup: true };
    const since = (delta: number): CaseRequest => ({ request_headers: [['If-Modified-Since', delta]], magic_ims: true, expected_type: 'lm_validated', expected_status: 304 });
    assert.equal(await verdict(caseOf('a', dated, since(-100))), 'passed');
    assert.equal(await verdict(caseOf('b', dated, since(-50))), 'failed');
  });
});

test('etag_validated: validation by date is not enough', async () => {
  const both: CaseRequest = { response_headers: [['ETag', '"a"'], ['Last-Modified', -100]], setup: true };
  const since: CaseRequest = { request_headers: [['If-Modified-Since', -100]], magic_ims: true, expected_status: 304 };
  assert.equal(await verdict(caseOf('a', both, { ...since, expected_type: 'lm_validated' })), 'passed');
  assert.equal(await verdict(caseOf('b', both, { ...since, expected_type: 'etag_validated' })), 'failed');
});

describe('what the client gets', () => {
  test('status: the scripted one is set-up, an expected one is not', async () => {
    assert.equal(await verdict(caseOf('a', { response_status: [404, 'Not Found'] })), 'passed');
    assert.equal(await verdict(caseOf('b', { response_status: [404, 'Not Found'], expected_status: 200 })), 'failed');
    assert.equal(await verdict(caseOf('c', { response_status: [404, 'Not Found'], expected_status: null })), 'passed');
    assert.equal(await verdict(caseOf('d', FRESH, { response_status: [404, 'Not Found'] }), { hoards: true }), 'setup');
  });

  test('fields: present, equal, equal to another, above a number', async () => {
    const sent: CaseRequest = { response_headers: [['A', '5'], ['B', '5'], ['Expires', 60]] };
    assert.equal(await verdict(caseOf('a', { ...sent, expected_response_headers: ['A', ['A', '5'], ['A', '=', 'B'], ['A', '>', 4], ['Expires', 60]] })), 'passed');
    for (const wrong of ['C', ['A', '6'], ['A', '=', 'Server-Now'], ['A', '>', 5], ['Expires', 61]] as const) {
      assert.equal(await verdict(caseOf('b', { ...sent, expected_response_headers: [wrong] })), 'failed', String(wrong));
    }
  });

  test('a field that must not be there; with a value, only under strict rules', async () => {
    const sent: CaseRequest = { response_headers: [['A', 'one']] };
    assert.equal(await verdict(caseOf('a', { ...sent, expected_response_headers_missing: ['A'] })), 'failed');
    assert.equal(await verdict(caseOf('b', { ...sent, expected_response_headers_missing: ['B', ['A', 'two']] })), 'passed');
    assert.equal(await verdict(caseOf('c', { ...sent, expected_response_headers_missing: [['A', 'one']] })), 'failed');
    assert.equal(await verdict(caseOf('d', { ...sent, expected_response_headers_missing: [['A', 'one']] }), {}, 'published'), 'passed');
  });

  test('what the origin sent must arrive, unless the case says otherwise', async () => {
    assert.equal(await verdict(caseOf('a', { response_headers: [['A', '1'], ['A', '2']] })), 'passed');
    assert.equal(await verdict(caseOf('b', { response_headers: [['A', '1']] }), { drops: 'a' }), 'setup');
    assert.equal(await verdict(caseOf('c', FRESH, { response_headers: [['A', '1']] }), { hoards: true }), 'passed', 'the origin did not send it');
    assert.equal(await verdict(caseOf('d', { response_headers: [['Connection', 'x', false]] })), 'passed');
    assert.equal(await verdict(caseOf('e', { response_headers: [['Connection', 'x']] })), 'setup');
  });

  test('interim responses: as many, and as they were', async () => {
    const hints: CaseRequest = { interim_responses: [[103, [['link', '</a>; rel=preload']]]] };
    assert.equal(await verdict(caseOf('a', { ...hints, expected_interim_responses: hints.interim_responses! })), 'passed');
    assert.equal(await verdict(caseOf('b', { ...hints, expected_interim_responses: [[102]] })), 'failed');
    assert.equal(await verdict(caseOf('c', { ...hints, expected_interim_responses: [[103, [['link', '</b>; rel=preload']]]] })), 'failed');
    assert.equal(await verdict(caseOf('d', { ...hints, expected_interim_responses: [] })), 'failed');
    assert.equal(await verdict(caseOf('e', { ...hints, expected_interim_responses: hints.interim_responses! }), { dropsInterim: true }), 'failed');
  });

  test('body: the scripted one is set-up, an expected one is not', async () => {
    assert.equal(await verdict(caseOf('a', {}), { altersBody: true }), 'setup');
    assert.equal(await verdict(caseOf('b', { response_body: 'bc' }), { altersBody: true }), 'setup');
    assert.equal(await verdict(caseOf('c', { expected_response_text: 'c' })), 'failed');
    assert.equal(await verdict(caseOf('d', { check_body: false }), { altersBody: true }), 'passed');
  });
});

describe('what the origin sees', () => {
  test('method and fields of the request', async () => {
    const sent: CaseRequest = { request_method: 'POST', request_body: 'x', request_headers: [['A', '1'], ['A', '2']] };
    assert.equal(await verdict(caseOf('a', { ...sent, expected_method: 'POST', expected_request_headers: ['a', ['A', '1, 2']] })), 'passed');
    assert.equal(await verdict(caseOf('b', { ...sent, expected_method: 'GET' })), 'failed');
    assert.equal(await verdict(caseOf('c', { ...sent, expected_request_headers: [['A', '1']] })), 'failed');
    assert.equal(await verdict(caseOf('d', { ...sent, expected_request_headers: ['A'] }), { drops: 'a' }), 'failed');
    assert.equal(await verdict(caseOf('e', { ...sent, expected_request_headers_missing: ['A'] })), 'failed');
    assert.equal(await verdict(caseOf('f', { ...sent, expected_request_headers_missing: ['A'] }), { drops: 'a' }), 'passed');
  });

  test('a request that was asked for must be seen', async () => {
    assert.equal(await verdict(caseOf('a', FRESH, { expected_request_headers: ['Req-Num'] }), { hoards: true }), 'failed');
  });

  test('what the cache answered is not counted among what the origin saw', async () => {
    const elsewhere: CaseRequest = { filename: 'f', expected_request_headers: [['Req-Num', '3']] };
    assert.equal(await verdict(caseOf('a', FRESH, { expected_type: 'cached' }, elsewhere), { hoards: true }), 'passed');
  });

  test('a request must be seen once', async () => {
    assert.equal(await verdict(caseOf('a', {}), { asksTwice: true }), 'setup', 'the response tells');
    assert.equal(await verdict(caseOf('b', {}), { asksTwice: true, drops: 'request-numbers' }), 'failed', 'the origin tells');
  });

  test('the origin closes the connection', async () => {
    assert.equal(await verdict(caseOf('a', { disconnect: true, expected_status: 502, check_body: false })), 'passed');
    assert.equal(await verdict(caseOf('b', { disconnect: true })), 'setup');
  });
});

test('a URL may have a file name and a query', async () => {
  const [outcome] = await play([caseOf('a', { filename: 'f', query_arg: 'q=1', response_headers: [['Location', 'x']], magic_locations: true, expected_response_headers: [['Location', 'x']] })]);
  assert.equal(outcome!.verdict, 'passed', outcome!.message);
});

test('a cache that does not answer fails the case', async () => {
  const player = new Player('http://127.0.0.1:1', 'strict');
  const { failure } = await player.play(caseOf('a', {}));
  player.close();
  assert.match(String(failure), /ECONNREFUSED/);
});

test('dependencies: a case that rests on one that did not pass says nothing, however long the chain', async () => {
  const cached = caseOf('cached', FRESH, { expected_type: 'cached' });
  const rests: Case = { ...caseOf('rests', {}), depends_on: ['cached'], kind: 'optimal' };
  const further: Case = { ...caseOf('further', {}), depends_on: ['rests'], kind: 'check' };
  const absent: Case = { ...caseOf('absent', {}), depends_on: ['not-played'] };
  const cases = [further, rests, cached, absent];
  const verdicts = (outcomes: readonly Outcome[]): string[] => outcomes.map((outcome) => outcome.verdict);
  const wrong = await play(cases);
  assert.deepEqual(verdicts(wrong), ['dependency', 'dependency', 'failed', 'passed']);
  assert.deepEqual(verdicts(await play(cases, { hoards: true })), ['passed', 'passed', 'passed', 'passed']);
  assert.deepEqual(count(wrong), {
    required: { passed: 1, failed: 1, setup: 0, dependency: 0 },
    optimal: { passed: 0, failed: 0, setup: 0, dependency: 1 },
    check: { passed: 0, failed: 0, setup: 0, dependency: 1 },
  });
});

test('the trace shows both sides in order', async () => {
  const trace = new Trace();
  const origin = new ScriptedOrigin(trace);
  const cache = await startScriptedCache(await origin.listen(0));
  const player = new Player(cache.url, 'strict', trace);
  const { uuid } = await player.play(caseOf('a', {}));
  player.close();
  await cache.close();
  await origin.close();
  const titles = trace.of(uuid).split('\n').filter((line) => line.startsWith('---'));
  assert.deepEqual(titles, ['--- client sends request 1', '--- origin gets request 1', '--- origin sends response 1', '--- client gets response 1']);
});

describe('departures from what is expected', () => {
  const outcome = (id: string, kind: Outcome['kind'], shown: Verdict): Outcome => ({ id, suite: 's', name: id, message: '', kind, verdict: shown });
  const expected: Expectations = {
    limit: 1,
    differences: [{ verdict: 'failed', why: '', cases: ['known'] }],
    checks: [{ verdict: 'failed', why: '', cases: ['asked'] }],
  };
  const asExpected = [outcome('known', 'required', 'failed'), outcome('asked', 'check', 'failed'), outcome('fine', 'optimal', 'passed')];

  test('none where all is as listed', () => assert.deepEqual(departures(asExpected, expected), []));

  for (const [what, changed] of [
    ['a listed case passes', outcome('known', 'required', 'passed')],
    ['a listed case fails otherwise', outcome('known', 'required', 'setup')],
    ['an unlisted required case fails', outcome('new', 'required', 'failed')],
    ['an unlisted optimal case lacks its dependency', outcome('fine', 'optimal', 'dependency')],
    ['a check case answers otherwise', outcome('asked', 'check', 'passed')],
    ['a check case is not listed', outcome('unheard', 'check', 'passed')],
  ] as const) {
    test(what, () => {
      const outcomes = [...asExpected.filter(({ id }) => id !== changed.id), changed];
      assert.equal(departures(outcomes, expected).length, 1);
    });
  }

  test('a listed case does not exist, or more are listed than may be', () => {
    assert.equal(departures(asExpected.slice(1), expected).length, 1);
    assert.equal(departures(asExpected, { ...expected, limit: 0 }).length, 1);
  });
});
