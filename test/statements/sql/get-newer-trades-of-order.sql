PREPARE "get-newer-trades-of-order" AS
/*+ IndexScan(t trades_order) */

    SELECT t.order_id,
      t.user_id, t.id, t.side, t.symbol, t.price, t.quantity, t.quote_amount, t.fee, t.liquidity, t.executed_at
    FROM trades t
    WHERE t.order_id = $1 AND t.order_id > '' AND t.user_id = $2 AND (t.executed_at, t.id) > ($3, $4)
    ORDER BY t.executed_at ASC, t.id ASC
    LIMIT $5;
