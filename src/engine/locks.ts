import { keyOf } from '../books/rows.ts';
import type { Keys } from '../commands/keys.ts';
import type { Session } from '../database/database.ts';
import { Unlocked } from '../database/failures.ts';
import type { Statement } from '../database/statement.ts';
import { accountIdArrays, ownedIdArrays, type PlacedBooks } from './load.ts';

/**
 * Locks before reading: the way for batches that collide. Every batch locks its accounts and then its orders,
 * each in the order of their keys, so that no two wait for each other in a circle: the sorted keys come first, and
 * each locks its row as it probes the index. NO KEY: nothing here changes a key.
 */

export const lockAccounts = {
  name: 'lock-accounts',
  hints: ['IndexScan(h holds_pkey)', 'IndexScan(a accounts_pkey)', 'Rows(k h #100)', 'Rows(k locked #100)'],
  text: `
    WITH touched AS (
      SELECT user_id COLLATE "C", currency COLLATE "C" FROM unnest($1::text[], $2::text[]) AS k (user_id, currency)
      UNION
      SELECT h.user_id, h.currency
      FROM unnest($3::text[], $4::text[]) AS k (user_id, order_id)
      CROSS JOIN LATERAL (
        SELECT * FROM holds h WHERE h.user_id = k.user_id AND h.order_id = k.order_id OFFSET 0
      ) AS h
    )
    SELECT k.user_id, k.currency AS id
    FROM (SELECT * FROM touched ORDER BY user_id, currency) AS k
    CROSS JOIN LATERAL (
      SELECT FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency FOR NO KEY UPDATE
    ) AS locked`,
};

export const lockOrders = {
  name: 'lock-orders',
  hints: ['IndexScan(o orders_pkey)', 'Rows(k locked #100)'],
  text: `
    SELECT k.user_id, k.id
    FROM (
      SELECT user_id, id FROM unnest($1::text[], $2::text[]) AS k (user_id, id)
      ORDER BY user_id COLLATE "C", id COLLATE "C"
    ) AS k
    CROSS JOIN LATERAL (
      SELECT FROM orders o WHERE o.user_id = k.user_id AND o.id = k.id FOR NO KEY UPDATE
    ) AS locked`,
};

/** The keys of the rows that are locked. */
interface Locked {
  readonly accounts: ReadonlySet<string>;
  readonly orders: ReadonlySet<string>;
}

export async function lockRows(session: Session, keys: Keys): Promise<Locked> {
  const lock = async (statement: Statement, values: readonly string[]): Promise<ReadonlySet<string>> => {
    const rows = await session.query<{ user_id: string; id: string }>(statement, values);
    return new Set(rows.map((row) => keyOf(row.user_id, row.id)));
  };
  const none: ReadonlySet<string> = new Set();
  const { accounts, orders, ordersWithHolds } = keys;
  return {
    accounts:
      accounts.size > 0 || ordersWithHolds.size > 0
        ? await lock(lockAccounts, [
            ...accountIdArrays(accounts.inOrder()),
            ...ownedIdArrays(ordersWithHolds.inOrder()),
          ])
        : none,
    orders: orders.size > 0 ? await lock(lockOrders, ownedIdArrays(orders.inOrder())) : none,
  };
}

/**
 * Refuses to go on with rows that were made after the lock looked for them: an order, an account, a hold that leads to one.
 * To write them would be to lock them out of the one order. The attempt is given up, and with it its locks, and made anew.
 *
 * @throws Unlocked
 */
export function requireLocked(locked: Locked, loaded: PlacedBooks): void {
  for (const table of ['accounts', 'orders'] as const) {
    for (const key of loaded[table].keys()) if (!locked[table].has(key)) throw new Unlocked();
  }
}
