/**
 * @module test/kit/authority
 * A private authority made by openssl for one test file, and certificates of it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** For `skip`: why tests cannot have an authority here. */
export const NO_OPENSSL: string | false = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Files in PEM, and what is in them. */
export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export class Authority implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'millrace-authority-'));
  /** Its own certificate. */
  readonly file: string = join(this.directory, 'ca.pem');
  readonly #key = join(this.directory, 'ca.key');

  constructor() {
    this.#run('req', '-x509', ...NEW_KEY, '-days', '2', '-keyout', this.#key, '-out', this.file, '-subj', '/CN=Millrace test authority');
  }

  /** @param days until it expires; negative: it has expired */
  issue(name: string, subjectAltName: string, days = 2): Issued {
    const [certFile, keyFile, wish, extensions] = ['pem', 'key', 'csr', 'ext'].map((kind) => join(this.directory, `${name}.${kind}`)) as [string, string, string, string];
    this.#run('req', ...NEW_KEY, '-keyout', keyFile, '-out', wish, '-subj', `/CN=${name}`);
    writeFileSync(extensions, `subjectAltName=${subjectAltName}\n`);
    this.#run('x509', '-req', '-in', wish, '-CA', this.file, '-CAkey', this.#key, '-CAcreateserial', '-days', String(days), '-extfile', extensions, '-out', certFile);
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }

  #run(...words: string[]): void {
    execFileSync('openssl', words, { stdio: 'ignore' });
  }
}
