#!/usr/bin/env node
/**
 * @module cli
 * The command `millrace`. It checks the version of Node before anything is loaded that an older
 * one could not even parse.
 */
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(`millrace: Node.js 24 or later is needed, and this is ${process.versions.node}. Install a newer one from https://nodejs.org.\n`);
  process.exitCode = 1;
} else {
  const { main } = await import('./cli/main.ts');
  await main(process.argv.slice(2));
}

export {};
