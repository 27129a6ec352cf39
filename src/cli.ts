#!/usr/bin/env node
/**
 * @module cli
 * The command `millrace`. It checks the version of Node before anything is loaded that an older
 * one could not even parse.
 */
import { oldNode } from './node-version.ts';

if (oldNode === undefined) {
  const { main } = await import('./cli/main.ts');
  await main(process.argv.slice(2));
} else {
  process.stderr.write(`millrace: ${oldNode}\n`);
  process.exitCode = 1;
}
