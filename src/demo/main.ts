/**
 * @module demo/main
 * The demo: a slow web site of our own, Millrace in front of it, and words on what to watch. How
 * a server becomes a process (log, signals) is the command line's, and is handed in.
 */
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import type { RunningServer } from '../server/main.ts';
import { GALLERY_SIZE } from './gallery.ts';
import { startDemoOrigin } from './origin.ts';

const DEFAULT_PORT = 8080;

export interface DemoSurroundings {
  /** Undefined: 8080, or a free one where that is taken. */
  readonly port: number | undefined;
  /** Starts the proxy as a process does: with its log, its report, and an end on Ctrl-C. */
  readonly serve: (config: Config) => Promise<RunningServer>;
  /** A line for the person at the terminal. */
  readonly say: (line: string) => void;
}

/** Resolves once both listen. Throws what `serve` throws, and ERR_LISTEN; then nothing is left running. */
export async function runDemo(config: Config, { port, serve, say }: DemoSurroundings): Promise<void> {
  const origin = await startDemoOrigin();
  try {
    const demo = { ...config, origin: origin.url, port: port ?? DEFAULT_PORT };
    const server = await serve(demo).catch((error: unknown) => {
      if (port !== undefined || !isTaken(error)) throw error;
      say(`Port ${DEFAULT_PORT} is taken by another program, so the demo takes a free one.`);
      return serve({ ...demo, port: 0 });
    });
    for (const line of instructions(server.url)) say(line);
  } catch (error) {
    await origin.close();
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof MillraceError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
}

function instructions(url: string): string[] {
  // In a checkout the command is not on the path.
  const millrace = process.env['npm_lifecycle_event'] === 'demo' ? 'npm start --' : 'millrace';
  return [
    '',
    `A gallery of ${GALLERY_SIZE} pictures, made by a slow origin behind Millrace:`,
    `  1. Open ${url}/ in a browser. Each picture comes from the origin: MISS in the log here.`,
    `  2. Reload within a minute. All ${GALLERY_SIZE} come from the cache: HIT.`,
    'Or from a second terminal, each line twice:',
    `  curl -i ${url}/slow     one second of waiting, then none`,
    `  curl -i ${url}/news     after 5 seconds stale, and still answered at once`,
    `  ${millrace} explain ${url}/private     why it never comes from the cache`,
    `  ${millrace} stats`,
    '',
  ];
}
