import type pg from 'pg';
import type { Recorded } from '../../src/bench/recording.ts';

/** How a plan reads one table. */
export interface Scan {
  readonly table: string;
  readonly node: string;
  readonly index: string | undefined;
  /** What the index is searched for, or the place that is gone to; nothing where all of it is read. */
  readonly condition: string | undefined;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'TID Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** How the plan that this connection keeps for a prepared statement reads the tables. */
export async function scansOf(client: pg.Client, { statement, values }: Recorded): Promise<Scan[]> {
  const literals = values.map((value) => (value === null ? 'NULL' : client.escapeLiteral(value)));
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (FORMAT JSON) EXECUTE "${statement.name}"${literals.length === 0 ? '' : `(${literals.join(', ')})`}`,
  );
  return [...scansIn(rows[0]!['QUERY PLAN'][0].Plan)];
}

function* scansIn(node: PlanNode): Generator<Scan> {
  const table = node['Relation Name'];
  if (table !== undefined && node['Node Type'].includes('Scan')) {
    yield {
      table,
      node: node['Node Type'],
      index: node['Index Name'],
      condition: node['Index Cond'] ?? node['TID Cond'],
    };
  }
  for (const child of node.Plans ?? []) yield* scansIn(child);
}
