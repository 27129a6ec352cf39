/**
 * @module scripts/build
 * Makes dist/, which is what is published: compiled JavaScript with declarations, and the static
 * files that stand beside the sources.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const compiled = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
if (compiled.status !== 0) process.exit(1);
cpSync(join(root, 'src'), dist, { recursive: true, filter: (path) => statSync(path).isDirectory() || !path.endsWith('.ts') });
