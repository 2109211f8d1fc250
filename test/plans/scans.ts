import type pg from 'pg';
import type { Recorded } from '../../src/bench/recording.ts';
import { scansIn, type PlanNode, type Scan } from '../../src/doctor/plans.ts';

/** How the plan that this connection keeps for a prepared statement reads the tables. */
export async function scansOf(client: pg.Client, { statement, values }: Recorded): Promise<Scan[]> {
  const literals = values.map((value) => (value === null ? 'NULL' : client.escapeLiteral(value)));
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (FORMAT JSON) EXECUTE "${statement.name}"${literals.length === 0 ? '' : `(${literals.join(', ')})`}`,
  );
  return [...scansIn(rows[0]!['QUERY PLAN'][0].Plan)];
}
