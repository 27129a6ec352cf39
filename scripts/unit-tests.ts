/**
 * @module scripts/unit-tests
 * All unit tests as one test file, for `npm test`. Most of them take less time than a process takes to
 * start, and there are a hundred.
 */
import { globSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const SRC = join(import.meta.dirname, '../src');
for (const file of globSync('**/*.test.ts', { cwd: SRC, exclude: ['**/*.full.test.ts'] }).sort()) await import(pathToFileURL(join(SRC, file)).href);
// So that the processes that other tests start, and kill, need not compile the same again.
flushCompileCache();
