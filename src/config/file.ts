/**
 * @module config/file
 * Loads the module named with --config. It is never searched for: a configuration is code, and
 * to run code because it lies in the working directory would be a trap.
 */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Options } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { OPTIONS } from './options.ts';

/** Where a configuration came from, for threads that read it again. */
export interface ConfigSource {
  /** The path of the module. */
  readonly file: string;
  /** What wins over it: the flags of the command line. */
  readonly over: Options;
}

/** @throws {MillraceError} ERR_CONFIG where there is no such file, it fails, or exports no options */
export async function loadConfigFile(file: string): Promise<Options> {
  const path = resolve(file);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new MillraceError('ERR_CONFIG', `--config: there is no file ${path}.`);
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (cause) {
    throw new MillraceError('ERR_CONFIG', `--config: ${path} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const options = module.default;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new MillraceError('ERR_CONFIG', `--config: ${path} has no options as its default export. Write: export default defineConfig({ … });`);
  }
  return withPathsFrom(dirname(path), options);
}

/** Relative paths count from the directory of the file, wherever the command is run. */
function withPathsFrom(directory: string, options: Options): Options {
  const resolved: Record<string, unknown> = { ...options };
  for (const { field, type } of OPTIONS) {
    const path = field && options[field];
    if (type === 'path' && typeof path === 'string') resolved[field!] = resolve(directory, path);
  }
  return resolved;
}
