/**
 * @module node-version
 * Which Node.js this needs. It imports nothing, so that an older one can say so.
 */

const OLDEST = 24;

/** What is wrong with the Node.js that runs this; undefined where it is new enough. */
export const oldNode: string | undefined = Number.parseInt(process.versions.node, 10) < OLDEST ? `Node.js ${OLDEST} or later is needed, and this is ${process.versions.node}. Install a newer one from https://nodejs.org.` : undefined;
