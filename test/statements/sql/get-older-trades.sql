PREPARE "get-older-trades" AS
/*+ IndexScan(t trades_user) */

    SELECT t.order_id,
      t.user_id, t.id, t.side, t.symbol, t.price, t.quantity, t.quote_amount, t.fee, t.liquidity, t.executed_at
    FROM trades t
    WHERE t.user_id = $1 AND t.user_id > '' AND (t.executed_at, t.id, t.side) < ($2, $3, $4)
      AND t.executed_at >= $5 AND t.executed_at < $6 AND ($8::text IS NULL OR t.symbol = $8)
    ORDER BY t.executed_at DESC, t.id DESC, t.side DESC
    LIMIT $7;
