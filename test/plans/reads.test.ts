import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ORDER_STATUSES } from '../../src/books/orders.ts';
import { textArray } from '../../src/database/sql/arrays.ts';
import { withClient } from '../../src/database/client.ts';
import { settingHints } from '../../src/database/sql/hints.ts';
import type { Statement } from '../../src/database/statement.ts';
import type { PlanNode } from '../../src/doctor/plans.ts';
import { orderKeyArrays } from '../../src/reads/readArguments.ts';
import { countOpenOrders } from '../../src/reads/openOrders.ts';
import { getUserOrdersBy } from '../../src/reads/orders.ts';
import { countTradesOfOrders } from '../../src/reads/trades.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { leaveAlone } from './grow.ts';

/**
 * A read scans no more than it asks for, however many other rows there are. One user has `MANY` orders, filled ones of
 * one market and open ones of another; `MANY` other users have an order of one and the same id, with a trade.
 */
const MANY = 20_000;

const FILL = `
  INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, price, time_in_force, placed, version,
    created_at, updated_at)
  SELECT 'whale', n::text, CASE n % 2 WHEN 0 THEN 'BTC/USD' ELSE 'ETH/USD' END, 'buy', 'limit',
    CASE n % 2 WHEN 0 THEN 'filled' ELSE 'open' END, 1, 10, 'gtc', false, 1, now() - n * interval '1 s', now()
  FROM generate_series(1, ${MANY}) AS n;
  INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, price, time_in_force, placed, version,
    created_at, updated_at)
  SELECT 'user-' || n, 'shared', 'SOL/USD', 'buy', 'limit', 'filled', 1, 10, 'gtc', false, 1, now(), now()
  FROM generate_series(1, ${MANY}) AS n;
  INSERT INTO trades SELECT 'user-' || n, n::text, 'buy', 'shared', 'SOL/USD', 1, 1, 1, 0, 'maker', now()
  FROM generate_series(1, ${MANY}) AS n`;

let database: TestDatabase;
/** The number of rows that each read scanned, by the moment at which its plan was made. */
const scanned: Record<string, Record<string, number>> = {};

const LIMIT = 10;
const SYMBOL = 'ETH/USD';
const ALL = textArray(ORDER_STATUSES);
const WHALE = textArray(['whale', 'user-1']);

/** Each read by its name: how many rows it may scan, its statement and the values. */
const READS: Readonly<Record<string, readonly [most: number, statement: Statement, ...values: string[]]>> = {
  'the newest orders': [2 * LIMIT, getUserOrdersBy.all, WHALE, String(LIMIT)],
  'orders in a status that there is none of': [
    0,
    getUserOrdersBy.byStatus,
    WHALE,
    String(LIMIT),
    '{rejected}',
  ],
  'orders in several statuses': [
    2 * 2 * LIMIT,
    getUserOrdersBy.byStatus,
    WHALE,
    String(LIMIT),
    '{open,filled}',
  ],
  'orders of a market': [2 * 7 * LIMIT, getUserOrdersBy.bySymbol, WHALE, String(LIMIT), ALL, SYMBOL],
  'orders of a market in a status that it has none of': [
    0,
    getUserOrdersBy.bySymbol,
    WHALE,
    String(LIMIT),
    '{filled,cancelled}',
    SYMBOL,
  ],
  'the number of orders that stand': [LIMIT, countOpenOrders, textArray([SYMBOL]), String(LIMIT)],
  // The read looks at two orders of the id, which tell whose they are, and at the trades of these.
  'the number of trades of an id that all have': [
    2 + 2,
    countTradesOfOrders,
    ...orderKeyArrays(['shared']),
    String(MANY),
  ],
  'the number of trades of an order': [
    1,
    countTradesOfOrders,
    ...orderKeyArrays([{ userId: 'user-7', id: 'shared' }]),
    String(MANY),
  ],
};

const MOMENTS = [
  'while the tables were empty',
  'once they were full, never analyzed',
  'once they were analyzed',
] as const;

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, leaveAlone);
  await withClient(database.url, async (early) => {
    await planAll(early);
    await withClient(database.url, async (client) => {
      await client.query(FILL);
    });
    await note(early, MOMENTS[0]);
  });
  await withClient(database.url, async (client) => {
    await planAll(client);
    await note(client, MOMENTS[1]);
    await client.query('ANALYZE');
    await note(client, MOMENTS[2]);
  });
});
afterAll(() => database.drop());

/** Makes the plans that a connection of the pool keeps. */
async function planAll(client: pg.Client): Promise<void> {
  for (const [name, value] of Object.entries(settingHints.settings))
    await client.query(`SET ${name} = ${value}`);
  for (const [n, [, { text }, ...values]] of Object.values(READS).entries()) {
    await client.query(`PREPARE read_${n} AS ${text}`);
    await client.query(`EXPLAIN EXECUTE read_${n} (${literals(client, values)})`);
  }
}

async function note(client: pg.Client, moment: string): Promise<void> {
  scanned[moment] = {};
  for (const [n, [name, [, , ...values]]] of Object.entries(READS).entries()) {
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: RanNode }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) EXECUTE read_${n} (${literals(client, values)})`,
    );
    scanned[moment][name] = rowsScanned(rows[0]!['QUERY PLAN'][0].Plan);
  }
}

const literals = (client: pg.Client, values: readonly string[]): string =>
  values.map((value) => client.escapeLiteral(value)).join(', ');

/** A node of a plan that has run. */
interface RanNode extends PlanNode {
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly RanNode[];
}

/** The number of table rows that a plan has looked at, including those that it filtered out. */
function rowsScanned(node: RanNode): number {
  const removed = node['Rows Removed by Filter'] ?? 0;
  const own =
    node['Relation Name'] === undefined ? 0 : (node['Actual Rows'] + removed) * node['Actual Loops'];
  return (node.Plans ?? []).reduce((sum, child) => sum + rowsScanned(child), Math.round(own));
}

describe.each(Object.entries(READS))('a read of %s', (name, [most]) => {
  it.each(MOMENTS)('a read scans no more than it asks for when its plan was made %s', (moment) => {
    expect(scanned[moment]![name]).toBeLessThanOrEqual(most);
  });
});
