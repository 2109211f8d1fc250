import { writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { createEmptyDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folders.ts';

/** A folder of migrations: the file names and what is in them. */
export function migrationFolder(files: Record<string, string> = {}): string {
  const folder = temporaryFolder('migrations');
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}

/** A pool on an empty database of the test's own. */
export async function emptyDatabase(): Promise<{ pool: pg.Pool; url: string }> {
  const database = await createEmptyDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  onTestFinished(async () => {
    await pool.end();
    await database.drop();
  });
  return { pool, url: database.url };
}
