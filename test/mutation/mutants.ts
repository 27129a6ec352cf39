/**
 * @module mutation/mutants
 * The small wrong changes a programmer might make, each by itself: operators, literals, conditions,
 * statements left out.
 */
import { stripTypeScriptTypes } from 'node:module';
import { type Token, tokensOf } from './tokens.ts';

export interface Mutant {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

const SIGNS: Readonly<Record<string, readonly string[]>> = {
  '===': ['!=='],
  '!==': ['==='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '&&': ['||'],
  '||': ['&&'],
  '??': ['&&'],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
};
const WORDS: Readonly<Record<string, string>> = { true: 'false', false: 'true', some: 'every', every: 'some', max: 'min', min: 'max', floor: 'ceil', continue: '' };
/** Calls without arguments that change a value: without them. */
const FILTERS: ReadonlySet<string> = new Set(['trim', 'toLowerCase', 'sort', 'clone']);
/** What cannot be part of a condition that is not in brackets, so that a condition begins after it. */
const BEFORE_CONDITION: ReadonlySet<string> = new Set(['=', '(', '[', '{', ',', ';', '=>', 'return', ':', '?', '${', '...']);
const OPENING = '([{';
const CLOSING = ')]}';

/** All mutants of a source that can still be read, in order of place. */
export function mutantsOf(source: string): Mutant[] {
  const tokens = tokensOf(source);
  const mutants: Mutant[] = [];
  const change = ({ start, end }: { start: number; end: number }, ...replacements: string[]): void => {
    for (const replacement of replacements) mutants.push({ start, end, replacement });
  };
  for (const [i, token] of tokens.entries()) {
    const previous = tokens[i - 1];
    const next = tokens[i + 1];
    if (isImport(source, token)) continue;
    if (token.kind === 'number') change(token, String(number(token) + 1), ...(number(token) > 0 ? [String(number(token) - 1)] : []));
    if (token.kind === 'string' && token.text.length > 2) change(token, "''");
    if (token.kind === 'template' && /[^`${}\s]/.test(token.text)) change(token, token.text.endsWith('${') ? '${' : '`');
    if (token.kind === 'sign' && !(isPrefix(previous) && '+-'.includes(token.text))) change(token, ...(SIGNS[token.text] ?? []));
    if (token.text === '!') change(token, '');
    if (token.kind === 'word' && Object.hasOwn(WORDS, token.text)) change(token, WORDS[token.text]!);
    if (previous?.text === '.' && FILTERS.has(token.text) && tokens[i + 2]?.text === ')') change({ start: previous.start, end: tokens[i + 2]!.end }, '');
    if (token.text === 'if') change({ start: next!.end, end: tokens[closing(tokens, i + 1)]!.start }, 'true', 'false');
    if (token.text === '?') change({ start: tokens[conditionStart(tokens, i)]!.start, end: previous!.end }, 'true', 'false');
    if (isStatement(tokens, i)) change({ start: token.start, end: tokens[statementEnd(tokens, i)]!.end }, ';');
  }
  return mutants.filter((mutant) => isReadable(apply(source, mutant)));
}

export function apply(source: string, { start, end, replacement }: Mutant): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

function number(token: Token): number {
  return Number(token.text.replaceAll('_', ''));
}

function isImport(source: string, token: Token): boolean {
  const line = source.slice(source.lastIndexOf('\n', token.start) + 1, token.start);
  return /^(?:import|\} from)\b/.test(line);
}

/** A sign after this is no binary operator. */
function isPrefix(previous: Token | undefined): boolean {
  return previous === undefined || (previous.kind === 'sign' && !')]}'.includes(previous.text)) || previous.text === 'return';
}

/** The index of the bracket that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    depth += depthOf(tokens[i]!);
    if (depth === 0) return i;
  }
  throw new Error(`A bracket at ${tokens[open]!.start} has no end`);
}

/** The index of the first token of the condition that ends before the `?` at `mark`. */
function conditionStart(tokens: readonly Token[], mark: number): number {
  let depth = 0;
  for (let i = mark - 1; i >= 0; i--) {
    const token = tokens[i]!;
    if (depth === 0 && token.kind !== 'string' && (BEFORE_CONDITION.has(token.text) || token.text.endsWith('${'))) return i + 1;
    depth -= depthOf(token);
    if (depth < 0) return i + 1;
  }
  return 0;
}

/** A call or an assignment that stands by itself. */
function isStatement(tokens: readonly Token[], i: number): boolean {
  const token = tokens[i]!;
  if (token.kind !== 'word' || !/^[;{})]$|^else$/.test(tokens[i - 1]?.text ?? ';')) return false;
  return /^[.=(]$|^\+=$/.test(tokens[i + 1]?.text ?? '') && !/^(?:if|for|while|switch|return|const|let|export|import|function|case|type)$/.test(token.text);
}

function statementEnd(tokens: readonly Token[], from: number): number {
  let depth = 0;
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i]!;
    depth += depthOf(token);
    if (depth === 0 && token.text === ';') return i;
    if (depth < 0) return i - 1;
  }
  return tokens.length - 1;
}

function depthOf({ kind, text }: Token): number {
  if (kind === 'template') return text.endsWith('${') ? 1 : 0;
  if (kind !== 'sign') return 0;
  return OPENING.includes(text) ? 1 : CLOSING.includes(text) ? -1 : 0;
}

function isReadable(source: string): boolean {
  try {
    stripTypeScriptTypes(source);
    return true;
  } catch {
    return false;
  }
}
