import { writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { createEmptyDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folders.ts';

/** A folder of migrations with these files, given by name and content. */
export function migrationFolder(files: Record<string, string> = {}): string {
  const folder = temporaryFolder('migrations');
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}

/** A pool on an empty database of the test's own. */
export async function emptyDatabase(): Promise<{ pool: pg.Pool; url: string }> {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  return { pool: openPool(database.url), url: database.url };
}

/** A pool that ends with the test. */
export function openPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 4 });
  // A pool ends before its connections do, and these may hear that their database is dropped.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  return pool;
}
