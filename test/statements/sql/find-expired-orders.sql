PREPARE "find-expired-orders" AS
/*+ IndexScan(orders orders_expiry) */

    SELECT user_id, id AS order_id, expires_at
    FROM orders
    WHERE expires_at <= $1::timestamptz AND status IN ('pending', 'open', 'partially_filled')
    ORDER BY expires_at
    LIMIT $2 OFFSET $3;
