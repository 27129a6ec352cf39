import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { DiskStore } from '../../src/stores/disk.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import { TieredStore } from '../../src/stores/tiered.ts';
import { storeContract } from './contract.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-tiered-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const directory = (): string => join(root, String(++count));

storeContract('TieredStore', (limits) => new TieredStore(new MemoryStore(limits), new DiskStore({ ...limits, directory: directory() })));
storeContract('TieredStore with little memory', (limits) => new TieredStore(new MemoryStore({ maxBytes: 20_000, maxObject: 10_000 }), new DiskStore({ ...limits, directory: directory() })));
