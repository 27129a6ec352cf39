/**
 * @module cli/warm/variants
 * The requests to send for each URL: one for every combination of the values that the fields given
 * with --header have, so that each variant a client may ask for is stored.
 */
import { MillraceError } from '../../errors.ts';

export type HeaderLine = readonly [name: string, value: string];

/** As many as are kept for one URL. */
const MOST = 32;
/** These are the connection's, and not of the request. */
const FRAMING: ReadonlySet<string> = new Set(['connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect', 'te', 'trailer', 'keep-alive', 'proxy-connection']);

/**
 * @param given each as `Name: value`; a name given again is another variant, and an empty value one without the field
 * @throws {MillraceError} ERR_USAGE
 */
export function variantsOf(given: readonly string[]): HeaderLine[][] {
  const values = new Map<string, HeaderLine[]>();
  for (const text of given) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*((?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)[ \t]*$/.exec(text) ?? [];
    if (name === undefined || value === undefined) throw new MillraceError('ERR_USAGE', `--header ${JSON.stringify(text)} is no header field. Write it as Name:value.`);
    if (FRAMING.has(name.toLowerCase())) throw new MillraceError('ERR_USAGE', `--header ${name} cannot be chosen: it belongs to the connection.`);
    const lines = values.get(name.toLowerCase()) ?? [];
    values.set(name.toLowerCase(), lines);
    lines.push([name, value]);
  }
  let variants: HeaderLine[][] = [[]];
  for (const lines of values.values()) variants = variants.flatMap((variant) => lines.map((line) => (line[1] === '' ? variant : [...variant, line])));
  if (variants.length > MOST) throw new MillraceError('ERR_USAGE', `The values given with --header make ${variants.length} variants of each URL, and ${MOST} are kept. Leave some out.`);
  return variants;
}
