import type { ClientBase } from 'pg';
import type { Migration } from './files.ts';

/** A migration as the database remembers it. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: Date;
}

/** Makes the table of applied migrations where it is missing. */
export async function ensureHistory(client: ClientBase): Promise<void> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS schema_migrations (
      version    integer PRIMARY KEY,
      name       text NOT NULL,
      checksum   text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
}

/** The applied migrations, as one statement: that the server answers, and what its schema is, is asked at once. */
export const ping = {
  name: 'ping',
  text: 'SELECT version, name, checksum, applied_at FROM schema_migrations',
};

/** A row of {@link ping}: the driver leaves texts as they are. */
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

/** The applied migrations by version; none where the table is not there. */
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

/** Remembers that a migration is applied. */
export async function remember(client: ClientBase, { version, name, checksum }: Migration): Promise<void> {
  await client.query('INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)', [
    version,
    name,
    checksum,
  ]);
}

/** Forgets a migration that was taken back. */
export async function forget(client: ClientBase, { version }: Migration): Promise<void> {
  await client.query('DELETE FROM schema_migrations WHERE version = $1', [version]);
}
