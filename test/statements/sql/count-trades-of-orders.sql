PREPARE "count-trades-of-orders" AS
/*+ IndexOnlyScan(own trades_order) IndexScan(same orders_id) */

    SELECT count(*) AS found
    FROM (
      SELECT
      FROM unnest($1::text[], $2::text[]) AS k (user_id, order_id)
      CROSS JOIN LATERAL (
        SELECT k.user_id WHERE k.user_id IS NOT NULL
        UNION ALL
        (SELECT same.user_id FROM orders same WHERE k.user_id IS NULL AND same.id = k.order_id AND same.id > '' LIMIT 2)
      ) AS u
      CROSS JOIN LATERAL (
        SELECT FROM trades own WHERE own.order_id = k.order_id AND own.order_id > '' AND own.user_id = u.user_id
        OFFSET 0
      ) AS t
      LIMIT $3
    ) AS counted;
