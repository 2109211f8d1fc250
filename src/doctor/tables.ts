import type pg from 'pg';
import { duration, many, percent, type Check } from './check.ts';
import { indexesOfOurTables, removal, type Index } from './indexes.ts';
import { migratedIndexes } from './migratedIndexes.ts';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

/** PostgreSQL's own counts of a table. */
export interface Table {
  readonly name: string;
  readonly live: number;
  readonly dead: number;
  readonly updates: number;
  readonly hot_updates: number;
  readonly fillfactor: number;
  /** The time since the last vacuum; if there was none, the same as `watched_ms`. */
  readonly unvacuumed_ms: number;
  readonly was_analyzed: boolean;
  /** How long autovacuum could have run: the time since the start of the server or the first migration, whichever is later. */
  readonly watched_ms: number;
}

const readTables = `
  SELECT s.relname AS name, s.n_live_tup::float8 AS live, s.n_dead_tup::float8 AS dead,
    s.n_tup_upd::float8 AS updates, s.n_tup_hot_upd::float8 AS hot_updates,
    coalesce(substring(array_to_string(c.reloptions, ',') FROM 'fillfactor=(\\d+)')::int, 100) AS fillfactor,
    greatest(s.last_analyze, s.last_autoanalyze) IS NOT NULL AS was_analyzed,
    (extract(epoch FROM now() - since.began) * 1000)::float8 AS watched_ms,
    (extract(epoch FROM now() - coalesce(greatest(s.last_vacuum, s.last_autovacuum), since.began)) * 1000)::float8
      AS unvacuumed_ms
  FROM pg_stat_user_tables s
  JOIN pg_class c ON c.oid = s.relid
  CROSS JOIN (
    SELECT greatest(pg_postmaster_start_time(), min(applied_at)) AS began FROM schema_migrations
  ) AS since
  WHERE s.relid = ANY (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
  ORDER BY s.relname`;

async function tablesOf(client: pg.Client): Promise<Table[]> {
  const names = [...new Set(migratedIndexes().map(({ table }) => table))];
  return (await client.query<Table>(readTables, [names])).rows;
}

export const vacuumed: Check = {
  name: 'dead_rows',
  promise: 'Autovacuum keeps up with dead rows',
  async run({ client, thresholds }) {
    const { rows } = await client.query<{ setting: string }>('SHOW autovacuum');
    const isOn = rows[0] === undefined || Object.values(rows[0])[0] === 'on';
    return deadRows(isOn, await tablesOf(client), thresholds);
  },
};

export function deadRows(
  isAutovacuumOn: boolean,
  tables: readonly Table[],
  { deadRows: least, deadShare, vacuumLagMs }: Thresholds,
): Finding[] {
  const off: Finding[] = isAutovacuumOn
    ? []
    : [
        {
          severity: 'hurts',
          subject: 'autovacuum',
          message: 'is off: dead rows stay, and every table grows with every write',
          remedy: 'In psql: ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();',
        },
      ];
  const lagging = tables.flatMap(({ name, live, dead, unvacuumed_ms }): Finding[] => {
    if (dead < least || dead < deadShare * (live + dead) || unvacuumed_ms < vacuumLagMs) return [];
    return [
      {
        severity: dead > live ? 'hurts' : 'advice',
        subject: `table ${name}`,
        message: `has ${many(dead)} dead rows beside ${many(live)} live ones and was not vacuumed for ${duration(unvacuumed_ms)}`,
        remedy: `In psql: VACUUM ANALYZE ${name}; then end the transactions and drop the replication slots that keep dead rows, see that autovacuum is on for the table, and lower autovacuum_vacuum_scale_factor for it`,
      },
    ];
  });
  return [...off, ...lagging];
}

export const hotUpdates: Check = {
  name: 'hot_updates',
  promise: 'Updates of accounts stay within their page (HOT)',
  async run({ client, thresholds }) {
    const accounts = (await tablesOf(client)).find(({ name }) => name === 'accounts');
    return accounts === undefined ? [] : coldUpdates(accounts, await indexesOfOurTables(client), thresholds);
  },
};

/** The columns that every movement of an account changes: an update of an indexed column is never HOT. */
const MOVING = ['available', 'locked', 'balance', 'version', 'updated_at'];

export function coldUpdates(
  { name, updates, hot_updates, fillfactor }: Table,
  indexes: readonly Index[],
  { updates: least, hotShare }: Thresholds,
): Finding[] {
  const share = updates === 0 ? 1 : hot_updates / updates;
  const isCold = updates >= least && share < hotShare;
  const figures = `${percent(share)} of ${many(updates)} updates were HOT`;
  const recount = `SELECT pg_stat_reset_single_table_counters('${name}'::regclass);`;
  const culprits = indexes.flatMap((index): Finding[] => {
    const held: readonly string[] = `${index.predicate} ${index.columns.join(' ')}`.match(/\w+/g) ?? [];
    const moving = MOVING.filter((column) => held.includes(column));
    if (index.table !== name || moving.length === 0) return [];
    return [
      {
        severity: isCold ? 'hurts' : 'advice',
        subject: `index ${index.name}`,
        message: `holds ${moving.join(', ')}, which every movement changes, so each writes into every index of ${name}; ${figures}`,
        remedy: `${removal(index)} ${recount}`,
      },
    ];
  });
  if (!isCold || culprits.length > 0) return culprits;
  const room = fillfactor > 70 ? `ALTER TABLE ${name} SET (fillfactor = 70); VACUUM FULL ${name}; ` : '';
  return [
    {
      severity: 'advice',
      subject: `table ${name}`,
      message: `${figures}; its fillfactor is ${fillfactor}`,
      remedy: `End transactions that stay open for long, since they keep pages full. While nothing runs, in psql: ${room}${recount}`,
    },
  ];
}

export const analyzed: Check = {
  name: 'table_statistics',
  promise: 'Large tables have been analyzed',
  async run({ client, thresholds }) {
    return neverAnalyzed(await tablesOf(client), thresholds);
  },
};

export function neverAnalyzed(
  tables: readonly Table[],
  { analyzedRows, vacuumLagMs }: Thresholds,
): Finding[] {
  return tables.flatMap(({ name, live, was_analyzed, watched_ms }): Finding[] => {
    if (was_analyzed || live < analyzedRows || watched_ms < vacuumLagMs) return [];
    return [
      {
        severity: 'advice',
        subject: `table ${name}`,
        message: `has ${many(live)} rows and was never analyzed: statements of your own may be planned for an empty table`,
        remedy: `In psql: ANALYZE ${name};`,
      },
    ];
  });
}
