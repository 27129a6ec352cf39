/**
 * @module conformance/cases
 * The cases of the public HTTP caching suite (http-tests/cache-tests) as data, and reading them
 * from a file. The data is not part of this project; see README.md for where it comes from.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export type Kind = 'required' | 'optimal' | 'check';
export const KINDS: readonly Kind[] = ['required', 'optimal', 'check'];

/** A field value: text, or a number of seconds from now where the field is a date. */
export type Value = string | number;

/** `[name, value]`; a third member `false` says that the value need not reach the client. */
export type ScriptedField = readonly [name: string, value: Value, checked?: boolean];

/** `[status]` or `[status, fields]`. */
export type Interim = readonly [status: number, fields?: readonly (readonly [name: string, value: string])[]];

/** The name is present | it equals the value | it equals another field (`=`) | it is above a number (`>`). */
export type ExpectedField =
  | string
  | readonly [name: string, value: Value]
  | readonly [name: string, operator: '=', other: string]
  | readonly [name: string, operator: '>', than: number];

/** One request of a case: what the client sends, what the origin answers, what must come of it. */
export interface CaseRequest {
  /** Every check of this request is a matter of set-up. */
  readonly setup?: boolean;
  /** The checks of this request that are a matter of set-up. */
  readonly setup_tests?: readonly string[];
  /** Wait three seconds after the response. */
  readonly pause_after?: boolean;

  readonly request_method?: string;
  readonly request_headers?: readonly (readonly [name: string, value: Value])[];
  readonly request_body?: string;
  readonly filename?: string;
  readonly query_arg?: string;
  /** An integer If-Modified-Since counts from when the origin made the previous response. */
  readonly magic_ims?: boolean;

  readonly response_status?: readonly [code: number, phrase: string];
  readonly response_headers?: readonly ScriptedField[];
  readonly response_body?: string | null;
  /** Seconds the origin waits before it answers. */
  readonly response_pause?: number;
  readonly interim_responses?: readonly Interim[];
  /** The origin closes the connection instead of answering. */
  readonly disconnect?: boolean;
  /** Location and Content-Location are relative to the URL of the case. */
  readonly magic_locations?: boolean;
  /** Lower-case names of date fields that are written in the RFC 850 form. */
  readonly rfc850date?: readonly string[];

  readonly expected_type?: 'cached' | 'not_cached' | 'lm_validated' | 'etag_validated';
  /** Null: any. */
  readonly expected_status?: number | null;
  readonly expected_response_headers?: readonly ExpectedField[];
  readonly expected_response_headers_missing?: readonly (string | readonly [name: string, value: string])[];
  readonly expected_interim_responses?: readonly Interim[];
  /** Null: any. */
  readonly expected_response_text?: string | null;
  readonly check_body?: boolean;
  readonly expected_method?: string;
  readonly expected_request_headers?: readonly (string | readonly [name: string, value: string])[];
  readonly expected_request_headers_missing?: readonly (string | readonly [name: string, value: string])[];
}

export interface Case {
  readonly id: string;
  /** The name of the case: what it asks, in words. */
  readonly name: string;
  /** Undefined: required. */
  readonly kind?: Kind;
  readonly depends_on?: readonly string[];
  readonly browser_only?: boolean;
  readonly requests: readonly CaseRequest[];
}

export interface Suite {
  readonly id: string;
  readonly name: string;
  readonly tests: readonly Case[];
}

/** Where the cases are looked for unless another file is named: beside the project's folder. */
export const DEFAULT_CASES: string = fileURLToPath(new URL('../../../shared/cache-tests/tests.json', import.meta.url));

/** The suites without the cases meant for browsers only; undefined where there is no such file. */
export async function loadSuites(file: string): Promise<Suite[] | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const suites = JSON.parse(text) as Suite[];
  return suites.map((suite) => ({ ...suite, tests: suite.tests.filter((test) => test.browser_only !== true) }));
}

/** One sentence for a file that is not there. */
export function absence(file: string): string {
  return `The cases of the public caching suite (http-tests/cache-tests) are not at ${file}; name their file with --cases FILE.`;
}
