/**
 * @module config/token-file
 * Reads the token of the administration from a file, where other users of the machine do not see it.
 */
import { readFileSync } from 'node:fs';
import { MillraceError } from '../errors.ts';
import { OPTION_OF_FIELD } from './options.ts';
import { readValue } from './values.ts';

/**
 * @param name what the message calls the option
 * @throws {MillraceError} ERR_CONFIG where there is no token in it
 */
export function readTokenFile(file: string, name: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new MillraceError('ERR_CONFIG', `${name}: ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const reading = readValue(OPTION_OF_FIELD.get('adminToken')!, text.split('\n', 1)[0]!.trim());
  if ('refused' in reading) throw new MillraceError('ERR_CONFIG', `${name}: the first line of ${file} is no token; it ${reading.refused}.`);
  return reading.value as string;
}
