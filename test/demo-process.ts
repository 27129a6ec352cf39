/**
 * @module test/demo-process
 * `millrace demo` as a process.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const CLI: string = join(import.meta.dirname, '../src/cli.ts');

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface DemoProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  stdout(): string;
  stderr(): string;
}

export function spawnDemo(t: TestContext, args: readonly string[]): DemoProcess {
  const child = spawn(process.execPath, [CLI, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal }));
  });
  return { child, ended, stdout: () => written.stdout, stderr: () => written.stderr };
}

/** Resolves once the last line of instructions was printed; `url` is the one they name. */
export async function startDemo(t: TestContext, args: readonly string[]): Promise<DemoProcess & { url: string; stop(): Promise<Ending> }> {
  const demo = spawnDemo(t, args);
  const url = await new Promise<string>((resolve, reject) => {
    demo.child.stderr!.on('data', () => {
      const found = / stats\n/.test(demo.stderr()) && /Open (http:\S+)\/ in a browser/.exec(demo.stderr());
      if (found) resolve(found[1]!);
    });
    demo.ended.then(({ code }) => reject(new Error(`The demo ended with ${code}: ${demo.stderr()}`)), reject);
  });
  const stop = (): Promise<Ending> => {
    demo.child.kill('SIGINT');
    return demo.ended;
  };
  return { ...demo, url, stop };
}
