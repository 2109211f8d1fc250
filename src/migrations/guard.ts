import type { ClientBase } from 'pg';
import { PincexError } from '../errors.ts';
import { LIVE_MS } from '../monitor/processes.ts';
import { rehearse } from './execute.ts';
import type { MigrationFile } from './files.ts';
import type { Statement } from './statements.ts';

/** The data that a statement drops: the rows of a table, or the values of one of its columns. */
export interface Loss {
  readonly table: string;
  readonly column?: string;
}

const NAME = String.raw`[\w."]+`;

/** The tables and columns that a statement drops, whether or not they hold data. A dropped index is no loss. */
export function lossesOf({ text }: Statement): Loss[] {
  const sql = text
    .replace(/--[^\n]*|\/\*[^]*?\*\//g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const dropped = /^drop table (?:if exists )?(.*?)(?: cascade| restrict)?$/i.exec(sql)?.[1];
  if (dropped !== undefined) return dropped.split(',').map((table) => ({ table: table.trim() }));
  const emptied = new RegExp(`^(?:delete from|truncate(?: table)?) (?:only )?(${NAME})`, 'i').exec(sql)?.[1];
  if (emptied !== undefined) return [{ table: emptied }];
  const [, table, actions] =
    new RegExp(`^alter table (?:if exists )?(?:only )?(${NAME}) (.*)$`, 'i').exec(sql) ?? [];
  if (table === undefined || actions === undefined) return [];
  const column =
    /\bdrop (?!constraint|default|not null|expression|identity)(?:column )?(?:if exists )?([\w"]+)/gi;
  return Array.from(actions.matchAll(column), ([, name = '']) => ({ table, column: name }));
}

/**
 * Refuses to run files that would drop data, unless the caller named the database.
 *
 * @throws PincexError `migration_failed` with the tables and columns that hold data, or the name of the database.
 */
export async function refuseLosses(
  client: ClientBase,
  files: readonly MigrationFile[],
  dropData: string | undefined,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  const name = rows[0]?.name ?? '';
  if (dropData === name) return;
  if (dropData !== undefined) {
    throw new PincexError(
      'migration_failed',
      `Nothing was taken back: the data of ${JSON.stringify(dropData)} may be dropped, and this database is ${JSON.stringify(name)}.`,
    );
  }
  const held: string[] = [];
  for (const loss of files.flatMap(({ statements }) => statements.flatMap(lossesOf))) {
    if (await isHeld(client, loss)) held.push(nameOf(loss));
  }
  if (held.length === 0) return;
  throw new PincexError(
    'migration_failed',
    `Nothing was taken back: it would drop, for good, the data in ${[...new Set(held)].join(', ')}. ` +
      `To do so nevertheless, type the name of this database: --drop-data ${name}`,
  );
}

const nameOf = ({ table, column }: Loss): string => (column === undefined ? table : `${table}.${column}`);

/** Whether a table has a row, or a column has a value in any row. A missing table or column has none. */
async function isHeld(client: ClientBase, { table, column }: Loss): Promise<boolean> {
  const there = await client.query(
    column === undefined
      ? { text: 'SELECT FROM pg_class WHERE oid = to_regclass($1)', values: [table] }
      : {
          text: 'SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped',
          values: [table, column.replaceAll('"', '')],
        },
  );
  if (there.rowCount === 0) return false;
  const condition = column === undefined ? '' : `WHERE ${column} IS NOT NULL`;
  return (await client.query(`SELECT FROM ${table} ${condition} LIMIT 1`)).rowCount !== 0;
}

/**
 * Refuses to change the schema while processes use it, since they go on with the rules of their version.
 *
 * @param refusal - begins the message
 * @throws PincexError `migration_failed` naming them.
 */
export async function refuseLiveProcesses(client: ClientBase, refusal: string): Promise<void> {
  const table = await client.query(`SELECT FROM pg_class WHERE oid = to_regclass('processes')`);
  if (table.rowCount === 0) return;
  const { rows } = await client.query<{ id: string; startedAt: Date; seenAt: Date }>(
    `SELECT id, started_at AS "startedAt", seen_at AS "seenAt"
     FROM processes
     WHERE seen_at > now() - $1::float8 * interval '1 ms' AND statistics->'ended' IS DISTINCT FROM 'true'
     ORDER BY started_at`,
    [LIVE_MS],
  );
  if (rows.length === 0) return;
  const names = rows.map(
    ({ id, startedAt, seenAt }) =>
      `process ${id.slice(-8)} (started ${startedAt.toISOString()}, last seen ${seenAt.toISOString()})`,
  );
  throw new PincexError(
    'migration_failed',
    `${refusal}: this database is in use by ${names.join(', ')}. ` +
      `Stop them first; one that was killed is forgotten after ${LIVE_MS / 1_000} s.`,
  );
}

/**
 * Refuses to revert several files if a later one would fail after the first ones were reverted. A single file needs no
 * rehearsal, since it is reverted as a whole or not at all.
 *
 * @throws PincexError `migration_failed` with the file, the statement and the message of PostgreSQL.
 */
export async function refuseHalves(client: ClientBase, files: readonly MigrationFile[]): Promise<void> {
  if (files.length < 2) return;
  try {
    await rehearse(client, files);
  } catch (error) {
    if (!(error instanceof PincexError)) throw error;
    throw new PincexError('migration_failed', `Nothing was taken back: ${error.message}`, { cause: error });
  }
}
