import type { Keys } from '../commands/keys.ts';
import type { Session } from '../database/database.ts';
import { accountIdArrays, ownedIdArrays } from './load.ts';

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
    SELECT count(*)
    FROM (SELECT * FROM touched ORDER BY user_id, currency) AS k
    CROSS JOIN LATERAL (
      SELECT FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency FOR NO KEY UPDATE
    ) AS locked`,
};

export const lockOrders = {
  name: 'lock-orders',
  hints: ['IndexScan(o orders_pkey)', 'Rows(k locked #100)'],
  text: `
    SELECT count(*)
    FROM (
      SELECT user_id, id FROM unnest($1::text[], $2::text[]) AS k (user_id, id)
      ORDER BY user_id COLLATE "C", id COLLATE "C"
    ) AS k
    CROSS JOIN LATERAL (
      SELECT FROM orders o WHERE o.user_id = k.user_id AND o.id = k.id FOR NO KEY UPDATE
    ) AS locked`,
};

export async function lockRows(session: Session, keys: Keys): Promise<void> {
  if (keys.accounts.size > 0 || keys.ordersWithHolds.size > 0) {
    await session.query(lockAccounts, [
      ...accountIdArrays(keys.accounts.inOrder()),
      ...ownedIdArrays(keys.ordersWithHolds.inOrder()),
    ]);
  }
  if (keys.orders.size > 0) await session.query(lockOrders, ownedIdArrays(keys.orders.inOrder()));
}
