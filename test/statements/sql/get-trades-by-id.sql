PREPARE "get-trades-by-id" AS
SELECT t.order_id,
      t.user_id, t.id, t.side, t.symbol, t.price, t.quantity, t.quote_amount, t.fee, t.liquidity, t.executed_at
    FROM trades_with_id($1) AS t
    ORDER BY t.user_id, t.side
    LIMIT 100;
