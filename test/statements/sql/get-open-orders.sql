PREPARE "get-open-orders" AS
/*+ IndexScan(o orders_book) */

    SELECT o.id, o.symbol, nullif(o.side, 'buy'), nullif(o.type, 'limit'), o.status, o.quantity,
    o.price, nullif(o.time_in_force, 'gtc'), nullif(o.placed, true), o.version, o.created_at,
    nullif(o.updated_at, o.created_at), nullif(o.filled_quantity, 0),
    CASE WHEN o.filled_quantity > 0 THEN round(o.filled_value / o.filled_quantity, 18) END,
    CASE WHEN num_nonnulls(o.stop_price, o.trailing_amount, o.trailing_percent, o.display_quantity, o.expires_at,
    o.oco_group_id, o.parent_order_id, o.hold_amount, o.reject_code) > 0
    THEN json_build_array(o.stop_price::text, o.trailing_amount::text, o.trailing_percent::text,
    o.display_quantity::text, o.expires_at::text, o.oco_group_id, o.parent_order_id,
    o.hold_amount::text, o.reject_code) END,
    k.n, o.user_id
    FROM unnest($1::text[]) WITH ORDINALITY AS k (symbol, n)
    CROSS JOIN LATERAL (
      SELECT * FROM orders o
      WHERE o.symbol = k.symbol AND o.status IN ('open', 'partially_filled') AND o.price IS NOT NULL
      OFFSET 0
    ) AS o
    ORDER BY k.n, o.side, CASE o.side WHEN 'buy' THEN -o.price ELSE o.price END, coalesce(o.opened_at, o.created_at),
      o.id, o.user_id;
