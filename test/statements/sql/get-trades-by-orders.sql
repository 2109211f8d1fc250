PREPARE "get-trades-by-orders" AS
/*+ IndexScan(own trades_order) IndexScan(o orders_pkey) */

    SELECT k.n, o.status,
      t.user_id, t.id, t.side, t.symbol, t.price, t.quantity, t.quote_amount, t.fee, t.liquidity, t.executed_at
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, order_id, n)
    CROSS JOIN LATERAL (
      SELECT * FROM trades own
      WHERE own.order_id = k.order_id AND own.order_id > '' AND own.user_id = k.user_id
      OFFSET 0
    ) AS t
    CROSS JOIN LATERAL (
      SELECT o.status FROM orders o WHERE o.user_id = k.user_id AND o.id = k.order_id OFFSET 0
    ) AS o
    ORDER BY k.n, t.executed_at, t.id;
