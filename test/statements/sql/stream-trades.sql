PREPARE "stream-trades" AS
/*+ IndexScan(t trades_pkey) */

    SELECT t.order_id,
      t.user_id, t.id, t.side, t.symbol, t.price, t.quantity, t.quote_amount, t.fee, t.liquidity, t.executed_at
    FROM trades t
    WHERE (t.user_id, t.id, t.side) > ($1, $2, $3)
    ORDER BY t.user_id, t.id, t.side
    LIMIT 2000;
