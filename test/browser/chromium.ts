/**
 * @module test/browser/chromium
 * Starts the Chromium of the system for a test, without anything of its own that goes to the network.
 */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const EXECUTABLE: string = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** For node:test's `skip`: why the browser tests cannot run here, or false where they can. */
export const noBrowser: string | false = existsSync(EXECUTABLE)
  ? false
  : `there is no ${EXECUTABLE}; install Chromium, or name one in the environment as CHROMIUM`;

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
