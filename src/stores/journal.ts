/**
 * @module stores/journal
 * What machines that share a store tell each other by way of it: which cells of stamps were raised,
 * which prefixes purged, and what was stored anew. Numbers rise along one line for all machines.
 */

/** `c` and the number of a cell; `p` (hard) or `s` (soft) and a prefix of URLs. */
export type Notice = string;

export interface Ask {
  /** Everything up to this number has been seen; 0: nothing. */
  readonly since: number;
  /** The numbers go on from here at least. */
  readonly atLeast: number;
  /** Each gets a number of its own. */
  readonly notices: readonly Notice[];
  /** How far changes have been seen; undefined: only those from now on are of interest. */
  readonly position: string | undefined;
  /** Of each change the hash of the key and the version, 4 bytes each; one byte alone: too many to tell. */
  readonly changed: Buffer;
}

export interface Told {
  /** Another one where the journal has lost its memory. */
  readonly id: string;
  /** The highest number before this exchange, and after it. */
  readonly before: number;
  readonly number: number;
  /** Notices with numbers above `since`, the lowest first. */
  readonly missed: readonly { readonly notice: Notice; readonly number: number }[];
  /** There are more above the last of them. */
  readonly isMore: boolean;
  readonly position: string;
  /** What others have changed, in the same form. */
  readonly changed: readonly Buffer[];
  /** So much was changed that not all of it is known any more. */
  readonly hasGap: boolean;
}

export interface Journal {
  /** In one step, before or after that of any other machine. Undefined where it cannot be done now. Never rejects. */
  exchange(ask: Ask): Promise<Told | undefined>;
}

/** Notices that one exchange may bring. */
export const MOST_MISSED = 1000;
/** Notices that one exchange may take along. */
export const MOST_TOLD = 1000;
/** Beyond this, numbers no longer fit the cells of stamps. */
export const LAST_NUMBER = 2 ** 31 - 2 ** 24;
