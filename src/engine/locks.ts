import type { Keys } from '../commands/keys.ts';
import type { Session } from '../database/database.ts';
import { accountIdArrays, ownedIdArrays } from './load.ts';

/**
 * Locks before reading: the way for batches that collide. Every batch locks its accounts and then its orders,
 * each in the order of their keys, so that no two wait for each other in a circle. NO KEY: nothing here changes
 * a key, and other tables may refer to these rows meanwhile.
 */

const lockAccounts = {
  name: 'lock-accounts',
  text: `
    WITH touched AS (
      SELECT user_id, currency FROM unnest($1::text[], $2::text[]) AS k (user_id, currency)
      UNION
      SELECT h.user_id, h.currency
      FROM unnest($3::text[], $4::text[]) AS k (user_id, order_id) JOIN holds h USING (user_id, order_id)
    )
    SELECT count(*) FROM (
      SELECT FROM touched JOIN accounts a USING (user_id, currency)
      ORDER BY a.user_id, a.currency
      FOR NO KEY UPDATE OF a
    ) AS locked`,
};

const lockOrders = {
  name: 'lock-orders',
  text: `
    SELECT count(*) FROM (
      SELECT FROM unnest($1::text[], $2::text[]) AS k (user_id, id) JOIN orders o USING (user_id, id)
      ORDER BY o.user_id, o.id
      FOR NO KEY UPDATE OF o
    ) AS locked`,
};

export async function lockRows(session: Session, keys: Keys): Promise<void> {
  const orders = ownedIdArrays(keys.orders.inOrder());
  if (keys.accounts.size > 0 || keys.orders.size > 0) {
    const accounts = accountIdArrays(keys.accounts.inOrder());
    await session.query(lockAccounts, [...accounts, ...orders]);
  }
  if (keys.orders.size > 0) await session.query(lockOrders, orders);
}
