/**
 * @module scripts/complete-lock
 * `npm run lock`: after dependencies have changed, completes package-lock.json for every platform.
 *
 * npm leaves out of the lock what its registry does not have, and a mirror often has the native
 * packages of one platform only. `npm ci` then fails (npm 11), or finds no linter on a Mac. Those
 * packages are exact versions in `optionalDependencies`, and their names tell where they run, so
 * they are written in as npm would have done, but for the checksum.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  packages: Record<string, LockedPackage>;
}

const LIBC: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

/** Adds what is missing; the names of what was added. */
export function completeLock(lock: Lock): string[] {
  const added: string[] = [];
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      // `…/binding-linux-arm64-musl`, `…/darwin-x64`. Other optional packages are not bound to a platform.
      const platform = /(?:^|[/-])(?<os>aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(?<cpu>[a-z0-9]+)(?:-(?<abi>[a-z]+))?$/.exec(name)?.groups;
      if (lock.packages[key] !== undefined || platform === undefined || !/^\d+\.\d+\.\d+$/.test(version)) continue;
      const libc = platform['os'] === 'linux' ? LIBC[platform['abi'] ?? ''] : undefined;
      lock.packages[key] = {
        version,
        cpu: [platform['cpu']!],
        ...(parent.dev === true && { dev: true }),
        ...(libc !== undefined && { libc: [libc] }),
        optional: true,
        os: [platform['os']!],
      };
      added.push(`${name}@${version}`);
    }
  }
  const [root, ...rest] = Object.entries(lock.packages);
  lock.packages = Object.fromEntries([root!, ...rest.sort(([a], [b]) => (a < b ? -1 : 1))]);
  return added;
}

if (import.meta.main) {
  const path = resolve(import.meta.dirname, '../package-lock.json');
  const lock = JSON.parse(readFileSync(path, 'utf8')) as Lock;
  const added = completeLock(lock);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(added.length === 0 ? 'The lock is complete.' : `Added to the lock:\n${added.join('\n')}`);
}
