import { sql } from '../../database/sql/columns.ts';
import { accountKeys, heldOrderKeys, orderKeys } from './keySources.ts';

/**
 * The locks of the strategy `lock`, taken before the rows are read. Every batch locks its accounts and then its orders, each
 * in the order of their keys, so that two batches cannot deadlock: the subquery sorts the keys, and each key locks its row as
 * it probes the index. The locks are FOR NO KEY UPDATE, since no statement of a batch changes a key.
 */

export const lockAccounts = {
  name: 'lock-accounts',
  hints: ['IndexScan(h holds_pkey)', 'IndexScan(a accounts_pkey)', 'Rows(k h #100)', 'Rows(k locked #100)'],
  ...sql`
    WITH touched AS (
      SELECT user_id COLLATE "C", currency COLLATE "C"
      FROM ${accountKeys}
      UNION
      SELECT h.user_id, h.currency
      FROM ${heldOrderKeys}
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
  ...sql`
    SELECT k.user_id, k.id
    FROM (
      SELECT user_id, id
      FROM ${orderKeys}
      ORDER BY user_id COLLATE "C", id COLLATE "C"
    ) AS k
    CROSS JOIN LATERAL (
      SELECT FROM orders o WHERE o.user_id = k.user_id AND o.id = k.id FOR NO KEY UPDATE
    ) AS locked`,
};
