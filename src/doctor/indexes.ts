import type pg from 'pg';
import { duration, many, type Check } from './check.ts';
import { migratedIndexes, type MigratedIndex } from './migratedIndexes.ts';
import type { Finding } from './report.ts';
import type { Thresholds } from './thresholds.ts';

/** An index as PostgreSQL has it. */
export interface Index {
  readonly name: string;
  readonly table: string;
  readonly method: string;
  readonly is_valid: boolean;
  readonly is_being_built: boolean;
  readonly is_primary: boolean;
  readonly is_unique: boolean;
  readonly is_constraint: boolean;
  readonly predicate: string;
  /** The key expressions, each with its operator class, collation and direction. */
  readonly keys: readonly string[];
  /** The key expressions and the INCLUDE columns. */
  readonly columns: readonly string[];
  readonly scans: number;
  readonly bytes: number;
  /** Rows written to its table plus scans of it, since the counters were reset. */
  readonly table_use: number;
}

const readIndexes = `
  SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS "table", am.amname AS method,
    i.indisvalid AND i.indisready AS is_valid, i.indisprimary AS is_primary, i.indisunique AS is_unique,
    EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) AS is_being_built,
    EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid) AS is_constraint,
    coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
    ARRAY(
      SELECT concat_ws(' ', pg_get_indexdef(i.indexrelid, n, true), i.indclass[n - 1], i.indcollation[n - 1],
        i.indoption[n - 1])
      FROM generate_series(1, i.indnkeyatts) AS n
      ORDER BY n
    ) AS keys,
    ARRAY(
      SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnatts) AS n ORDER BY n
    ) AS columns,
    coalesce(s.idx_scan, 0)::float8 AS scans, pg_relation_size(i.indexrelid)::float8 AS bytes,
    coalesce(t.n_tup_ins + t.n_tup_upd + t.n_tup_del + t.seq_scan + t.idx_scan, 0)::float8 AS table_use
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.indexrelid
  LEFT JOIN pg_stat_user_tables t ON t.relid = i.indrelid
  WHERE i.indrelid = ANY (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
  ORDER BY i.indrelid::regclass::text, name`;

/** Every index of the tables that the migrations make, including indexes that other programs added. */
export async function indexesOfOurTables(client: pg.Client): Promise<Index[]> {
  const tables = [...new Set(migratedIndexes().map(({ table }) => table))];
  return (await client.query<Index>(readIndexes, [tables])).rows;
}

export const indexesThere: Check = {
  name: 'indexes_there',
  promise: 'Every index that the migrations make is there and valid',
  needsNoTables: true,
  async run({ client }) {
    return missingIndexes(migratedIndexes(), await indexesOfOurTables(client));
  },
};

export function missingIndexes(migrated: readonly MigratedIndex[], indexes: readonly Index[]): Finding[] {
  const there = new Map(indexes.map((index) => [index.name, index]));
  const missing = migrated.flatMap(({ name, table, remake }): Finding[] => {
    if (there.has(name)) return [];
    const message = `is not there, so statements that need it read more of ${table} the more rows it has, or all of it`;
    return [{ severity: 'hurts', subject: `index ${name}`, message, remedy: `In psql: ${remake};` }];
  });
  const own = new Set(migrated.map(({ name }) => name));
  const invalid = indexes.flatMap(({ name, table, is_valid, is_being_built }): Finding[] => {
    if (is_valid || is_being_built) return [];
    const subject = `index ${name}`;
    if (own.has(name)) {
      const message = `is not valid: its building failed half-way, and nothing on ${table} can use it`;
      const remedy = `Run "pincex migrate up" if that is pending; else in psql: REINDEX INDEX CONCURRENTLY ${name};`;
      return [{ severity: 'hurts', subject, message, remedy }];
    }
    const message = `is not valid: nothing can use it, and every write to ${table} pays for it`;
    const remedy = `In psql: DROP INDEX CONCURRENTLY ${name};`;
    return [{ severity: 'advice', subject, message, remedy }];
  });
  return [...missing, ...invalid];
}

export const indexesDistinct: Check = {
  name: 'indexes_distinct',
  promise: 'No index repeats another',
  needsNoTables: true,
  async run({ client }) {
    return repeatedIndexes(migratedIndexes(), await indexesOfOurTables(client));
  },
};

/** Only added indexes are judged: those of the migrations do not repeat each other, and all of them have to exist. */
export function repeatedIndexes(migrated: readonly MigratedIndex[], indexes: readonly Index[]): Finding[] {
  const own = new Set(migrated.map(({ name }) => name));
  const repeated = new Set<string>();
  return indexes.flatMap((index): Finding[] => {
    if (own.has(index.name) || !index.is_valid) return [];
    // If two indexes are equal, only one is reported.
    const other = indexes.find((candidate) => !repeated.has(candidate.name) && serves(candidate, index));
    if (other === undefined) return [];
    repeated.add(index.name);
    const isSame = other.keys.length === index.keys.length;
    const message = `repeats ${isSame ? '' : 'the beginning of '}${other.name}: every write to ${index.table} pays for both`;
    return [{ severity: 'advice', subject: `index ${index.name}`, message, remedy: removal(index) }];
  });
}

/** Whether `other` serves every purpose of `index`, so that `index` can be dropped. */
function serves(other: Index, index: Index): boolean {
  return (
    other.name !== index.name &&
    other.table === index.table &&
    other.is_valid &&
    other.method === index.method &&
    other.predicate === index.predicate &&
    index.keys.every((key, n) => key === other.keys[n]) &&
    index.columns.every((column) => other.columns.includes(column)) &&
    (!index.is_unique || (other.is_unique && other.keys.length === index.keys.length))
  );
}

const readCountersAge = `
  SELECT (extract(epoch FROM now() - coalesce(stats_reset, (SELECT min(applied_at) FROM schema_migrations)))
    * 1000)::float8 AS age_ms
  FROM pg_stat_database
  WHERE datname = current_database()`;

export const indexesUsed: Check = {
  name: 'indexes_used',
  promise: 'Each index that was added to those of the migrations is used',
  async run({ client, thresholds }) {
    const { rows } = await client.query<{ age_ms: number | null }>(readCountersAge);
    const indexes = await indexesOfOurTables(client);
    return unusedIndexes(migratedIndexes(), indexes, rows[0]?.age_ms ?? 0, thresholds);
  },
};

/** Indexes of the migrations are not judged: which of them is used depends on the features of Pincex that are used. */
export function unusedIndexes(
  migrated: readonly MigratedIndex[],
  indexes: readonly Index[],
  countersAgeMs: number,
  { unusedForMs, unusedRows }: Thresholds,
): Finding[] {
  if (countersAgeMs < unusedForMs) return [];
  const own = new Set(migrated.map(({ name }) => name));
  return indexes.flatMap((index): Finding[] => {
    const { name, table, is_valid, is_unique, scans, bytes, table_use } = index;
    if (own.has(name) || !is_valid || is_unique || scans > 0 || table_use < unusedRows) return [];
    const size = `${many(bytes / 1024)} kB`;
    const message = `was not used once in ${duration(countersAgeMs)}, while ${table} was written and read ${many(table_use)} times; it has ${size}`;
    const remedy = `Unless it is new, or a replica uses it: ${removal(index)}`;
    return [{ severity: 'advice', subject: `index ${name}`, message, remedy }];
  });
}

export function removal({ name, table, is_constraint }: Index): string {
  if (is_constraint) return `In psql: ALTER TABLE ${table} DROP CONSTRAINT ${name};`;
  return `In psql: DROP INDEX CONCURRENTLY ${name};`;
}
