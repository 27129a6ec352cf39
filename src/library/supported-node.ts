/**
 * @module library/supported-node
 * The first import of the library: on an older Node.js it throws before any module runs that needs more.
 */
import { MillraceError } from '../errors.ts';
import { oldNode } from '../node-version.ts';

if (oldNode !== undefined) throw new MillraceError('ERR_NODE_VERSION', oldNode);
