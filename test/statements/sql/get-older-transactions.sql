PREPARE "get-older-transactions" AS
/*+ IndexScan(x transactions_user) */

    SELECT x.user_id, x.id, x.type, x.status, x.currency, x.amount, x.to_user_id, x.reference, x.created_at
    FROM transactions x
    WHERE x.user_id = $1 AND (x.created_at, x.id) < ($2, $3) AND x.created_at >= $4 AND x.created_at < $5
    ORDER BY x.created_at DESC, x.id DESC
    LIMIT $6;
