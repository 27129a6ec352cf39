import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { DiskStore } from '../../src/stores/disk.ts';
import { storeContract } from './contract.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const directory = (): string => join(root, String(++count));

storeContract('DiskStore', (limits) => new DiskStore({ ...limits, directory: directory() }));
