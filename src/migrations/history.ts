import type { ClientBase } from 'pg';
import type { Migration } from './files.ts';

/** An applied migration, as the database records it. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: Date;
}

/** Creates the table of applied migrations if it is missing. */
export async function ensureHistory(client: ClientBase): Promise<void> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS schema_migrations (
      version    integer PRIMARY KEY,
      name       text NOT NULL,
      checksum   text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
}

/** Reads the applied migrations. One statement checks both that the server answers and which schema it has. */
export const ping = {
  name: 'ping',
  text: 'SELECT version, name, checksum, applied_at FROM schema_migrations',
};

/** A row of {@link ping}, with all columns as texts. */
export interface AppliedRow {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly applied_at: string;
}

export function toHistory(rows: readonly AppliedRow[]): Map<number, AppliedMigration> {
  return new Map(
    rows.map(({ version, name, checksum, applied_at }) => [
      Number(version),
      { version: Number(version), name, checksum, appliedAt: new Date(applied_at) },
    ]),
  );
}

/** The applied migrations by version; none if the table does not exist. */
export async function readHistory(client: ClientBase): Promise<Map<number, AppliedMigration>> {
  const table = await client.query<{ there: boolean }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS there`,
  );
  if (!table.rows[0]?.there) return new Map();
  const { rows } = await client.query<AppliedMigration>(
    `SELECT version, name, checksum, applied_at AS "appliedAt" FROM schema_migrations ORDER BY version`,
  );
  return new Map(rows.map((row) => [row.version, row]));
}

/** Records that a migration was applied. */
export async function remember(client: ClientBase, { version, name, checksum }: Migration): Promise<void> {
  await client.query('INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)', [
    version,
    name,
    checksum,
  ]);
}

/** Removes the record of a migration that was reverted. */
export async function forget(client: ClientBase, { version }: Migration): Promise<void> {
  await client.query('DELETE FROM schema_migrations WHERE version = $1', [version]);
}
