import type { RowKeys } from '../../commands/rowKeys.ts';
import { rows, type Columns, type RowSource } from '../../database/sql/columns.ts';
import { accounts, holdsOfOrders, orders, owned } from './tables.ts';

/** The keys of a batch as the row sources of statements: `unnest($1::text[], $2::text[]) AS k (user_id, …)`. */

const keys = <Key>(
  columns: Columns<Key>,
  listOf: (keys: RowKeys) => { inOrder(): readonly Key[] },
): RowSource<RowKeys> => rows(columns, (given) => listOf(given).inOrder(), 'k');

export const accountKeys = keys(accounts.key, (touched) => touched.accounts);
export const orderKeys = keys(orders.key, (touched) => touched.orders);
export const heldOrderKeys = keys(holdsOfOrders, (touched) => touched.ordersWithHolds);
export const tradeKeys = keys(owned, (touched) => touched.trades);
export const transactionKeys = keys(owned, (touched) => touched.transactions);
