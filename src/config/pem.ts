/**
 * @module config/pem
 * Certificates and keys that options name, read from files in PEM and checked.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MillraceError } from '../errors.ts';

/** PEM. */
export interface Certificate {
  /** With those of its authorities behind it, where the file has them. */
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate with its private key.
 * @throws {MillraceError} ERR_CERTIFICATE: a file is not there or not what it should be, or the two do not belong together
 */
export function readKeyPair(certFile: string, keyFile: string): Certificate {
  const [cert, key] = [read('certificate', certFile), read('key', keyFile)];
  const certificate = parsed(() => new X509Certificate(cert), NO_CERTIFICATE(certFile));
  const privateKey = parsed(() => createPrivateKey(key), `The file ${keyFile} holds no private key in PEM (-----BEGIN PRIVATE KEY-----), or one with a pass phrase. Take that off with openssl pkey.`);
  if (!certificate.checkPrivateKey(privateKey)) throw unusable(`The key in ${keyFile} does not belong to the certificate in ${certFile}. Name the two that were made together.`);
  return { cert, key };
}

/**
 * Each certificate of a file by itself, as tls takes a list of authorities.
 * @throws {MillraceError} ERR_CERTIFICATE: the file is not there, or holds no certificate or a broken one
 */
export function readAuthorities(file: string): string[] {
  const found = read('certificates', file).match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g);
  if (found === null) throw unusable(NO_CERTIFICATE(file));
  // OpenSSL leaves out silently what it cannot read.
  for (const [i, pem] of found.entries()) parsed(() => new X509Certificate(pem), `Certificate ${i + 1} of ${found.length} in ${file} cannot be read. Have the file made anew.`);
  return found;
}

const NO_CERTIFICATE = (file: string): string => `The file ${file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----).`;

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'is not there' : code === 'EACCES' || code === 'EPERM' ? 'may not be read by this user' : code === 'EISDIR' ? 'is a directory' : `cannot be read: ${message}`;
    throw unusable(`The file ${file} with the ${what} ${why}.`, cause);
  }
}

function parsed<Kind>(parse: () => Kind, problem: string): Kind {
  try {
    return parse();
  } catch (cause) {
    throw unusable(problem, cause);
  }
}

function unusable(message: string, cause?: unknown): MillraceError {
  return new MillraceError('ERR_CERTIFICATE', message, { cause });
}
