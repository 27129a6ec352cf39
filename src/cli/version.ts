/**
 * @module cli/version
 * The version of this package.
 */
import { readFileSync } from 'node:fs';

/** As package.json states it; the file is as near to dist/cli/ as to src/cli/. */
export function readVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
