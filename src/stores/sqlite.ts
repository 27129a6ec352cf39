/**
 * @module stores/sqlite
 * SQLite as Node has it. Asked for at run time: a static import of `node:sqlite` keeps an older Node
 * from loading the library at all, so that it could not say which Node it needs.
 */
import type sqlite from 'node:sqlite';

export const { DatabaseSync }: Pick<typeof sqlite, 'DatabaseSync'> = process.getBuiltinModule('node:sqlite');
export type DatabaseSync = sqlite.DatabaseSync;
