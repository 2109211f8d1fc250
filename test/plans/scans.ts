import type pg from 'pg';
import type { Recorded } from '../../src/bench/day/recording.ts';
import type { Hints } from '../../src/database/sql/hints.ts';
import { scansIn, type PlanNode } from '../../src/doctor/plans.ts';
import { Preparation } from './preparation.ts';
import { firstOfEach } from './recorded.ts';

/** The plans that a connection keeps for its prepared statements. */
export interface Plans {
  /** The plans as EXPLAIN tells them: each statement with the values of each batch for which it was recorded. */
  readonly explained: readonly (readonly [statement: string, plan: PlanNode])[];
  /** How often a statement got a custom plan for the values of one batch, or the generic plan for all. */
  readonly counts: readonly { name: string; custom: number; generic: number }[];
}

/** Prepares each statement once, under its own name and through the protocol, as the driver does. */
export async function prepare(
  client: pg.Client,
  statements: readonly Recorded[],
  hints: Hints,
): Promise<void> {
  for (const { statement } of firstOfEach(statements)) {
    await client.query(new Preparation(statement.name, hints.textOf(statement))).done;
  }
}

/** The first EXPLAIN of a prepared statement makes the plan that the connection keeps. */
export async function plansOf(client: pg.Client, statements: readonly Recorded[]): Promise<Plans> {
  const explained: (readonly [string, PlanNode])[] = [];
  for (const recorded of statements) {
    explained.push([recorded.statement.name, await explain(client, recorded)]);
  }
  const { rows } = await client.query<{ name: string; custom: number; generic: number }>(
    'SELECT name, custom_plans::int AS custom, generic_plans::int AS generic FROM pg_prepared_statements ORDER BY name',
  );
  return { explained, counts: rows };
}

async function explain(client: pg.Client, { statement, values }: Recorded): Promise<PlanNode> {
  const literals = values.map((value) => (value === null ? 'NULL' : client.escapeLiteral(value)));
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (FORMAT JSON) EXECUTE "${statement.name}"${literals.length === 0 ? '' : `(${literals.join(', ')})`}`,
  );
  return rows[0]!['QUERY PLAN'][0].Plan;
}

/** The scans that read a table otherwise than by its primary key, by statement and table. */
export function strayScans({ explained }: Plans): Readonly<Record<string, unknown>> {
  const stray: Record<string, unknown> = {};
  for (const [statement, plan] of explained) {
    for (const scan of scansIn(plan)) {
      // An update finds the place of its row by the primary key, and then goes there.
      const isByKey =
        scan.node === 'Tid Scan' || (scan.node.startsWith('Index') && scan.index === `${scan.table}_pkey`);
      if (!isByKey || scan.condition === undefined) stray[`${statement} ${scan.table}`] = scan;
    }
  }
  return stray;
}
