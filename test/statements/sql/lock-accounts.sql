PREPARE "lock-accounts" AS
/*+ IndexScan(h holds_pkey) IndexScan(a accounts_pkey) Rows(k h #100) Rows(k locked #100) */

    WITH touched AS (
      SELECT user_id COLLATE "C", currency COLLATE "C"
      FROM unnest($1::text[], $2::text[]) AS k (user_id, currency)
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
    ) AS locked;
