PREPARE "get-holds-of-order" AS
/*+ IndexScan(h holds_pkey) */

    SELECT h.user_id, h.order_id, h.currency, h.amount, h.placed, h.expires_at, h.created_at
    FROM holds h
    WHERE h.user_id = $1 AND h.order_id = $2
    ORDER BY h.currency;
