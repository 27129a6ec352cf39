/**
 * @module conformance/player
 * Plays a case against the cache under test: tells the origin its script, sends the requests in
 * order, has each response judged as it comes, and what the origin saw at the end.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Case, CaseRequest } from './cases.ts';
import { Client } from './client.ts';
import type { ClientResponse, OutgoingRequest } from './client.ts';
import { Failure, judgeOrigin, judgeResponse } from './judge.ts';
import type { Rules } from './judge.ts';
import { resolve } from './magic.ts';
import type { Seen } from './origin.ts';
import type { Trace } from './trace.ts';

/** Cases under way at a time. */
const AT_A_TIME = 25;
/** Milliseconds `pause_after` waits: three seconds, and a little, as timers may fire early. */
const PAUSE = 3010;

export interface Play {
  readonly test: Case;
  readonly uuid: string;
  /** What kept the case from passing: a Failure, or another error where an exchange itself failed. */
  readonly failure: Error | undefined;
}

export class Player {
  readonly #base: string;
  readonly #client = new Client();
  readonly #rules: Rules;
  readonly #trace: Trace | undefined;

  /** `base` is the URL of the cache under test. */
  constructor(base: string, rules: Rules, trace?: Trace) {
    this.#base = base.replace(/\/$/, '');
    this.#rules = rules;
    this.#trace = trace;
  }

  /** Plays the cases, 25 at a time; the plays come in the order of the cases. */
  async playAll(cases: readonly Case[]): Promise<Play[]> {
    const plays: Play[] = [];
    const queue = cases.entries();
    const work = async (): Promise<void> => {
      for (const [index, test] of queue) plays[index] = await this.play(test);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return plays;
  }

  async play(test: Case): Promise<Play> {
    const uuid = randomUUID();
    try {
      await this.#playSteps(test, uuid);
      return { test, uuid, failure: undefined };
    } catch (error) {
      return { test, uuid, failure: error as Error };
    }
  }

  close(): void {
    this.#client.close();
  }

  async #playSteps(test: Case, uuid: string): Promise<void> {
    await this.#configure(uuid, test.requests);
    const responses: ClientResponse[] = [];
    for (const [index, step] of test.requests.entries()) {
      const number = index + 1;
      const response = await this.#send(uuid, number, this.#request(test, number, uuid, responses[index - 1]));
      responses.push(response);
      judgeResponse(step, number, response, uuid, this.#rules);
      if (step.pause_after === true) await pause(PAUSE);
    }
    judgeOrigin(test.requests, responses, await this.#state(uuid));
  }

  async #configure(uuid: string, requests: readonly CaseRequest[]): Promise<void> {
    const told = await this.#client.send({
      method: 'PUT',
      url: new URL(`${this.#base}/config/${uuid}`),
      fields: [['content-type', 'application/json']],
      body: JSON.stringify(requests),
    });
    if (told.status !== 201) throw new Failure(true, `The origin could not be told the case: PUT /config came back with ${told.status}`);
  }

  async #state(uuid: string): Promise<Seen[]> {
    const state = await this.#client.send({ method: 'GET', url: new URL(`${this.#base}/state/${uuid}`), fields: [] });
    return state.status === 200 ? (JSON.parse(state.body) as Seen[]) : [];
  }

  #request(test: Case, number: number, uuid: string, previous: ClientResponse | undefined): OutgoingRequest {
    const step = test.requests[number - 1]!;
    const filename = step.filename === undefined ? '' : `/${step.filename}`;
    const query = step.query_arg === undefined ? '' : `?${step.query_arg}`;
    const moment = { now: Number.parseInt(previous?.fields.get('Server-Now') ?? '', 10), baseUrl: '' };
    return {
      method: step.request_method ?? 'GET',
      url: new URL(`${this.#base}/test/${uuid}${filename}${query}`),
      fields: [
        // Keeps fetch implementations from adding their own; sent here too, so that all send the same.
        ['Pragma', 'foo'],
        ['Cache-Control', 'nothing-to-see-here'],
        ...(step.request_headers ?? []).map(
          ([name, value]) => [name, step.magic_ims === true ? resolve(name, value, step, moment) : String(value)] as const,
        ),
        ['Test-ID', test.id],
        ['Req-Num', String(number)],
      ],
      body: step.request_body,
    };
  }

  async #send(uuid: string, number: number, request: OutgoingRequest): Promise<ClientResponse> {
    const { method, url, body } = request;
    this.#trace?.request(uuid, 'client', number, `${method} ${url.pathname}${url.search} HTTP/1.1`, this.#client.wireFields(request).lines, body);
    try {
      const response = await this.#client.send(request);
      const line = `HTTP/1.1 ${response.status} ${response.phrase}`;
      this.#trace?.response(uuid, 'client', number, response.interim, line, response.fields.lines, response.body);
      return response;
    } catch (error) {
      const message = `got no complete response: ${(error as Error).message}`;
      this.#trace?.note(uuid, 'client', number, message);
      throw new Error(`Request ${number} ${message}`, { cause: error });
    }
  }
}
