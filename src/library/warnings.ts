/**
 * @module library/warnings
 * What an operator should know, as warnings of the process.
 */

export function warnProcess(text: string): void {
  process.emitWarning(text, 'MillraceWarning');
}

export function warnOfDefect(error: unknown): void {
  warnProcess(`a defect cost one request; please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
