/**
 * @module mutation/tokens
 * The tokens of a module without its types: enough of JavaScript's grammar to find what can be
 * changed in our own sources, and where.
 */
import { stripTypeScriptTypes } from 'node:module';

export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'template' | 'regexp' | 'sign';
  readonly text: string;
  /** Where it begins in the source; types are blanked out, so places are the same with and without them. */
  readonly start: number;
  readonly end: number;
}

const SPACE = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)+/y;
const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$]*/uy;
const NUMBER = /\d[\d_]*(?:\.\d+)?/y;
const STRING = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const REGEXP = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** A piece of a template's text, up to the next `${` or its end. */
const TEMPLATE = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y;
const SIGN = /\?\?=|===|!==|\*\*|\.\.\.|=>|<=|>=|&&|\|\||\?\?|\?\.|\+\+|--|\+=|-=|[-+*/%=<>!?:;,.(){}[\]&|^~@]/y;

/** After these a slash begins a regular expression. */
const BEFORE_REGEXP = /^(?:[=(,:;!?{}[]|=>|&&|\|\||return|===|!==)$/;

/** @throws where the source is no TypeScript that can be stripped, or no such JavaScript */
export function tokensOf(source: string): Token[] {
  const code = stripTypeScriptTypes(source);
  const tokens: Token[] = [];
  /** How many braces are open in each template that is being read. */
  const templates: number[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(code)?.[0];
  };
  const take = (kind: Token['kind'], text: string): void => {
    tokens.push({ kind, text, start: at, end: at + text.length });
    at += text.length;
  };
  const takeTemplate = (): void => {
    const text = match(TEMPLATE)!;
    take('template', text);
    if (text.endsWith('${')) templates.push(0);
  };
  while (at < code.length) {
    const space = match(SPACE);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const char = code[at]!;
    if (char === '`') {
      take('sign', char);
      takeTemplate();
      continue;
    }
    if (char === '}' && templates.at(-1) === 0) {
      templates.pop();
      take('sign', char);
      takeTemplate();
      continue;
    }
    if (templates.length > 0 && (char === '{' || char === '}')) templates[templates.length - 1]! += char === '{' ? 1 : -1;
    const regexp = char === '/' && BEFORE_REGEXP.test(tokens.at(-1)?.text ?? ';') ? match(REGEXP) : undefined;
    const word = match(WORD);
    const number = match(NUMBER);
    const string = match(STRING);
    if (regexp !== undefined) take('regexp', regexp);
    else if (word !== undefined) take('word', word);
    else if (number !== undefined) take('number', number);
    else if (string !== undefined) take('string', string);
    else {
      const sign = match(SIGN);
      if (sign === undefined) throw new Error(`Cannot read ${JSON.stringify(code.slice(at, at + 20))}`);
      take('sign', sign);
    }
  }
  return tokens;
}
