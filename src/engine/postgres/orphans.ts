import { sql } from '../../database/sql/columns.ts';
import { accountKeys, heldOrderKeys, tradeKeys, transactionKeys } from './keySources.ts';

/**
 * Finds rows that the batch would insert and that exist already. If another batch has just inserted such a row, its operation
 * exists too, and books that are loaded after this contain it. If its operation is missing, other SQL deleted it, and every
 * retry of the batch would fail on the row. The same goes for an account whose journal has newer versions than the account.
 */
export const findOrphans = {
  name: 'find-orphans',
  hints: [
    'IndexScan(t trades_pkey)',
    'IndexScan(x transactions_pkey)',
    'IndexScan(a accounts_pkey)',
    'IndexScan(h holds_pkey)',
  ],
  ...sql`
    SELECT 'transactions' AS touched, k.user_id, k.id,
      'it is there, and the operation that made it is not' AS problem, format('transaction %s %s', k.user_id, k.id) AS row
    FROM ${transactionKeys}
    CROSS JOIN LATERAL (SELECT FROM transactions x WHERE x.user_id = k.user_id AND x.id = k.id OFFSET 0) AS x
    UNION ALL
    SELECT 'trades', k.user_id, k.id, 'it is there, and the operation that made it is not',
      format('trade %s %s', k.user_id, k.id)
    FROM ${tradeKeys}
    CROSS JOIN LATERAL (
      SELECT FROM trades t WHERE t.user_id = k.user_id AND t.id = k.id LIMIT 1 OFFSET 0
    ) AS t
    UNION ALL
    SELECT k.touched, k.user_id, k.id,
      format('it is at version %s, and its journal goes on to %s', coalesce(a.version, 0), j.version),
      format('account %s %s', k.user_id, k.currency)
    FROM (
      SELECT 'accounts' AS touched, user_id, currency AS id, currency
      FROM ${accountKeys}
      UNION ALL
      SELECT 'ordersWithHolds', k.user_id, k.order_id, h.currency
      FROM ${heldOrderKeys}
      CROSS JOIN LATERAL (
        SELECT * FROM holds h WHERE h.user_id = k.user_id AND h.order_id = k.order_id OFFSET 0
      ) AS h
    ) AS k
    LEFT JOIN LATERAL (
      SELECT version FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency OFFSET 0
    ) AS a ON true
    CROSS JOIN LATERAL (
      SELECT version FROM journal j WHERE j.user_id = k.user_id AND j.currency = k.currency
      ORDER BY j.version DESC
      LIMIT 1
    ) AS j
    WHERE j.version > coalesce(a.version, 0)`,
};
