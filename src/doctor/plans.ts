import pg from 'pg';
import { noHints, type Hints } from '../database/sql/hints.ts';
import { failureOf } from '../database/failures.ts';
import { hintsFor } from '../database/connection/transport.ts';
import type { Statement } from '../database/statement.ts';
import { many, type Check } from './check.ts';
import type { Finding } from './report.ts';
import { issuedStatements, type IssuedStatement } from './statements.ts';

/** How a plan reads one table. */
export interface Scan {
  readonly table: string;
  /** Such as `Index Scan`. */
  readonly node: string;
  readonly index: string | undefined;
  /** The condition of the index search or of the TID scan; `undefined` if the whole table or index is read. */
  readonly condition: string | undefined;
}

/** A node of a plan, as EXPLAIN (FORMAT JSON) prints it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'TID Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

export const plans: Check = {
  name: 'plans',
  promise: 'Every statement finds its rows by the index that is meant for it',
  async run(patient) {
    const rows = await tableRows(patient.client);
    const findings: Finding[] = [];
    const { client, queryHints } = patient;
    await withPoolSettings(client, await hintsFor(client, queryHints), async (hints) => {
      for (const statement of issuedStatements) {
        const scans = await explain(client, statement, hints);
        if (typeof scans === 'string') findings.push(unplannable(statement, scans));
        else findings.push(...strayScans(statement, scans, rows, patient.thresholds.plannedRows));
      }
    });
    return findings;
  },
};

/**
 * How the generic plan of a statement, sent with its hints, reads the tables; or PostgreSQL's message if it cannot plan the
 * statement. pg_hint_plan also reads hints behind `PREPARE … AS`, and applies them when the statement is executed.
 */
export async function explain(
  client: pg.Client,
  statement: Statement,
  hints: Hints = noHints,
): Promise<Scan[] | string> {
  const text = hints.textOf(statement);
  try {
    await client.query(`PREPARE pincex_doctor AS ${text}`);
    // A generic plan does not depend on the values, so NULLs will do.
    const count = new Set(text.match(/\$\d+/g)).size;
    const values = count === 0 ? '' : `(${Array.from({ length: count }, () => 'NULL').join(', ')})`;
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (FORMAT JSON) EXECUTE pincex_doctor${values}`,
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    return plan === undefined ? [] : [...scansIn(plan)];
  } catch (error) {
    if (error instanceof pg.DatabaseError && failureOf(error) === 'other') return error.message;
    throw error;
  } finally {
    await client.query('DEALLOCATE ALL');
  }
}

/** Every node of a plan that reads a table. */
export function* scansIn(node: PlanNode): Generator<Scan> {
  const table = node['Relation Name'];
  if (table !== undefined && node['Node Type'].includes('Scan')) {
    const [bitmap] = node.Plans ?? [];
    yield {
      table,
      node: node['Node Type'],
      index: node['Index Name'] ?? bitmap?.['Index Name'],
      condition: node['Index Cond'] ?? node['TID Cond'] ?? bitmap?.['Index Cond'],
    };
  }
  for (const child of node.Plans ?? []) yield* scansIn(child);
}

/** @param rows the estimated number of rows of each table */
export function strayScans(
  { name, by, isWhole }: IssuedStatement,
  scans: readonly Scan[],
  rows: ReadonlyMap<string, number>,
  least: number,
): Finding[] {
  const findings = new Map<string, Finding>();
  for (const { table, node, index, condition } of scans) {
    const count = rows.get(table) ?? 0;
    const meant = by ?? [`${table}_pkey`];
    // A Tid Scan is the second half of an update, which has found its rows by their keys before.
    if (isWhole === true || node === 'Tid Scan' || count <= least) continue;
    if (condition !== undefined && index !== undefined && meant.includes(index)) continue;
    const way = index === undefined ? 'whole' : `by ${index}${condition === undefined ? ', whole' : ''}`;
    const message = `reads ${table} ${way}, which has about ${many(count)} rows; it is meant to use ${meant.join(' or ')}`;
    const remedy = `See that ${meant.join(' and ')} is there and valid, set database.optimized_repository.enable_query_hints to true, run ANALYZE ${table};, and restart Pincex: its connections keep their plans`;
    findings.set(table, { severity: 'hurts', subject: `statement ${name}`, message, remedy });
  }
  return [...findings.values()];
}

function unplannable({ name }: IssuedStatement, reason: string): Finding {
  return {
    severity: 'hurts',
    subject: `statement ${name}`,
    message: `cannot be planned: ${reason}`,
    remedy:
      'The tables are not as the migrations make them, or this user may not use them: compare with migrations/postgres/, and grant what "A server of your own" in docs/operations.md grants',
  };
}

/** Runs `work` with the planner settings that the connections of the pool have. */
async function withPoolSettings(
  client: pg.Client,
  hints: Hints,
  work: (hints: Hints) => Promise<void>,
): Promise<void> {
  const settings = { ...hints.settings, plan_cache_mode: 'force_generic_plan' };
  for (const [name, value] of Object.entries(settings)) await client.query(`SET ${name} = ${value}`);
  try {
    await work(hints);
  } finally {
    await client.query('RESET ALL');
  }
}

const readTableRows = `
  SELECT c.relname AS "table", greatest(c.reltuples, s.n_live_tup)::float8 AS rows
  FROM pg_class c
  JOIN pg_stat_user_tables s ON s.relid = c.oid`;

async function tableRows(client: pg.Client): Promise<Map<string, number>> {
  const { rows } = await client.query<{ table: string; rows: number }>(readTableRows);
  return new Map(rows.map(({ table, rows }) => [table, rows]));
}
