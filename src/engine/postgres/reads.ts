import { keys, sql, type Template } from '../../database/sql/columns.ts';
import { inJson, selection } from '../../database/sql/selection.ts';
import { accounts, holds, holdsOfOrders, operations, orders, place } from './tables.ts';

/**
 * A read of a batch: it reads one table, and its JSON is one column of the answer.
 *
 * Each row carries the ordinality of its key (`n`). OFFSET 0 keeps the planner from reordering the join, so that each key
 * probes the index: after a VACUUM of an empty table the planner would otherwise read the whole table, compare every row with
 * every key, and keep that plan while the table grows. With pg_hint_plan, hints name the index and set the estimate to 100
 * keys; the planner estimates an `unnest` at ten rows.
 */
export interface TableRead<Key> extends Template<readonly Key[]> {
  readonly name: string;
  readonly hints: readonly string[];
  readonly at: { readonly key: { readonly n: number } };
}

const account = { ...place, ...accounts.state };
const hold = { ...place, ...holds.state };
const order = { ...place, ...orders.fixed, ...orders.state };

const foundAccounts = selection({ key: { n: 'k.n' }, account: inJson('a', account) });

export const readAccounts = {
  name: 'accounts',
  at: foundAccounts.at,
  hints: ['IndexScan(a accounts_pkey)', 'Rows(k a #100)'],
  ...sql`
  SELECT json_agg(json_build_array(${foundAccounts.list}))
  FROM ${keys(accounts.key)}
  CROSS JOIN LATERAL (
    SELECT a.ctid AS place, * FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency OFFSET 0
  ) AS a`,
};

const foundHolds = selection({ key: { n: 'k.n' }, hold: inJson('h', hold) });

export const readHolds = {
  name: 'holds',
  at: foundHolds.at,
  hints: ['IndexScan(h holds_pkey)', 'Rows(k h #100)'],
  ...sql`
  SELECT json_agg(json_build_array(${foundHolds.list}))
  FROM ${keys(holds.key)}
  CROSS JOIN LATERAL (
    SELECT h.ctid AS place, * FROM holds h
    WHERE h.user_id = k.user_id AND h.order_id = k.order_id AND h.currency = k.currency
    OFFSET 0
  ) AS h`,
};

const foundOrders = selection({ key: { n: 'k.n' }, order: inJson('o', order) });

export const readOrders = {
  name: 'orders',
  at: foundOrders.at,
  hints: ['IndexScan(o orders_pkey)', 'Rows(k o #100)'],
  ...sql`
  SELECT json_agg(json_build_array(${foundOrders.list}))
  FROM ${keys(orders.key)}
  CROSS JOIN LATERAL (
    SELECT o.ctid AS place, * FROM orders o WHERE o.user_id = k.user_id AND o.id = k.id OFFSET 0
  ) AS o`,
};

const foundHoldsOfOrders = selection({
  key: { n: 'k.n', currency: 'h.currency' },
  hold: inJson('h', hold),
  account: inJson('a', account),
});

/** The holds of orders, and their accounts: a cancel names only the order, so the currency of its hold is not known before. */
export const readHoldsOfOrders = {
  name: 'holds-of-orders',
  at: foundHoldsOfOrders.at,
  hints: ['IndexScan(h holds_pkey)', 'IndexScan(a accounts_pkey)', 'Rows(k h #100)', 'Rows(k h a #100)'],
  ...sql`
  SELECT json_agg(json_build_array(${foundHoldsOfOrders.list}))
  FROM ${keys(holdsOfOrders)}
  CROSS JOIN LATERAL (
    SELECT h.ctid AS place, * FROM holds h WHERE h.user_id = k.user_id AND h.order_id = k.order_id OFFSET 0
  ) AS h
  LEFT JOIN LATERAL (
    SELECT a.ctid AS place, * FROM accounts a WHERE a.user_id = h.user_id AND a.currency = h.currency OFFSET 0
  ) AS a ON true`,
};

const foundOperations = selection({
  key: { n: 'k.n' },
  operation: { ...inJson('p', operations.fixed), batch_id: 'p.batch_id', actor: 'p.actor' },
});

export const readOperations = {
  name: 'operations',
  at: foundOperations.at,
  hints: ['IndexScan(p operations_pkey)', 'Rows(k p #100)'],
  ...sql`
  SELECT json_agg(json_build_array(${foundOperations.list}))
  FROM ${keys(operations.key)}
  CROSS JOIN LATERAL (
    SELECT * FROM operations p WHERE p.user_id = k.user_id AND p.kind = k.kind AND p.id = k.id OFFSET 0
  ) AS p`,
};

/** Every read that a batch may have. */
export const reads: readonly TableRead<never>[] = [
  readAccounts,
  readHolds,
  readOrders,
  readHoldsOfOrders,
  readOperations,
];
