PREPARE "find-expired-holds" AS
/*+ IndexScan(holds holds_expiry) */

    SELECT user_id, order_id, currency, expires_at
    FROM holds
    WHERE expires_at <= $1::timestamptz AND NOT placed
    ORDER BY expires_at
    LIMIT $2 OFFSET $3;
