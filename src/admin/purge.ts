/**
 * @module admin/purge
 * What can be purged, as people name it.
 */

/** A URL ends with what it may go on with; a prefix, with anything. */
export type Purge = ({ readonly url: string } | { readonly prefix: string } | { readonly host: string } | { readonly tag: string } | { readonly all: true }) & {
  /** What is hit stays, marked stale: it is validated when it is asked for next, and serves until then where that is allowed. */
  readonly soft?: boolean;
};
