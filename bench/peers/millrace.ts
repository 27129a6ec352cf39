/**
 * @module bench/peers/millrace
 * Millrace itself: all features on, the log off where it is not what is measured. The compiled build where there is one that is
 * not older than the sources, else the sources.
 */
import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LARGEST_OBJECT_MB } from './peer.ts';
import type { Peer } from './peer.ts';

const root = join(import.meta.dirname, '../..');
const compiled = join(root, 'dist/cli.js');

/** Whether the compiled build is what runs. */
export const isCompiled: boolean = changed(compiled) >= Math.max(...globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts')).map((file) => changed(join(root, file))));
const program = isCompiled ? compiled : join(root, 'src/cli.ts');

function changed(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Whether it can be started with several workers. */
export const knowsWorkers: boolean = /--workers/u.test(spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8' }).stdout);

export const millrace: Peer = {
  name: 'millrace',
  program: process.execPath,
  versionArgs: [program, '--version'],
  servesHttp2: true,
  keepsOnDisk: true,
  args: ({ port, originPort, workers, cacheMegabytes, diskMegabytes, directory, log = 'off' }) => [
    program, '--origin', `http://127.0.0.1:${originPort}`, '--port', String(port), '--log-format', log,
    '--max-memory', `${cacheMegabytes}MB`, '--max-object', `${Math.min(LARGEST_OBJECT_MB, diskMegabytes ?? cacheMegabytes)}MB`,
    ...(diskMegabytes === undefined ? [] : ['--cache-dir', join(directory, 'cache'), '--max-disk', `${diskMegabytes}MB`]),
    ...(knowsWorkers ? ['--workers', String(workers)] : []),
  ],
};
