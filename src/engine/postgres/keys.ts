import type { Keys } from '../../commands/keys.ts';
import { rows, type Columns, type RowSource } from '../../database/columns.ts';
import { accounts, holdsOfOrders, orders, owned } from './tables.ts';

/** The keys of a batch, as statements over all of them take them: `unnest($1::text[], $2::text[]) AS k (user_id, …)`. */

const keys = <Key>(
  columns: Columns<Key>,
  listOf: (keys: Keys) => { inOrder(): readonly Key[] },
): RowSource<Keys> => rows(columns, (given) => listOf(given).inOrder(), 'k');

export const accountKeys = keys(accounts.key, (touched) => touched.accounts);
export const orderKeys = keys(orders.key, (touched) => touched.orders);
export const heldOrderKeys = keys(holdsOfOrders, (touched) => touched.ordersWithHolds);
export const tradeKeys = keys(owned, (touched) => touched.trades);
export const transactionKeys = keys(owned, (touched) => touched.transactions);
