/**
 * @module stores/disk-files
 * Makes and opens files of the cache directory. Somebody else who may write to it could have put a
 * symbolic link in the place of any of them: none is followed to what lies elsewhere.
 */
import { closeSync, constants, lstatSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Windows has no such flag. */
const NO_FOLLOW = (constants as { readonly O_NOFOLLOW?: number }).O_NOFOLLOW ?? 0;

/** Whole or not at all. Throws where it cannot be written. */
export function replaceFile(path: string, content: string | Buffer): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, content, { flag: 'wx' });
  renameSync(draft, path);
}

/** In its place, where a full disk has room for no other. Throws where it cannot be written. */
export function overwriteFile(path: string, text: string): void {
  const file = openFile(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}

/** @throws {Error} ELOOP where a symbolic link is there */
export function openFile(path: string, flags: number, mode?: number): number {
  return openSync(path, flags | NO_FOLLOW, mode);
}

/** For what others open by its name. @throws {Error} where one of them is a symbolic link */
export function refuseLinks(directory: string, names: readonly string[]): void {
  for (const name of names) {
    if (lstatSync(join(directory, name), { throwIfNoEntry: false })?.isSymbolicLink() === true) throw new Error(`"${name}" in it is a symbolic link, which Millrace does not make`);
  }
}
