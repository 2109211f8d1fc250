PREPARE "lock-orders" AS
/*+ IndexScan(o orders_pkey) Rows(k locked #100) */

    SELECT k.user_id, k.id
    FROM (
      SELECT user_id, id
      FROM unnest($1::text[], $2::text[]) AS k (user_id, id)
      ORDER BY user_id COLLATE "C", id COLLATE "C"
    ) AS k
    CROSS JOIN LATERAL (
      SELECT FROM orders o WHERE o.user_id = k.user_id AND o.id = k.id FOR NO KEY UPDATE
    ) AS locked;
