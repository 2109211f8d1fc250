PREPARE "get-orders-of-any-user" AS
/*+ IndexScan(o orders_id) */

    SELECT o.id, o.symbol, nullif(o.side, 'buy'), nullif(o.type, 'limit'), o.status, o.quantity,
    o.price, nullif(o.time_in_force, 'gtc'), nullif(o.placed, true), o.version, o.created_at,
    nullif(o.updated_at, o.created_at), nullif(o.filled_quantity, 0),
    CASE WHEN o.filled_quantity > 0 THEN round(o.filled_value / o.filled_quantity, 18) END,
    CASE WHEN num_nonnulls(o.stop_price, o.trailing_amount, o.trailing_percent, o.display_quantity, o.expires_at,
    o.oco_group_id, o.parent_order_id, o.hold_amount, o.reject_code) > 0
    THEN json_build_array(o.stop_price::text, o.trailing_amount::text, o.trailing_percent::text,
    o.display_quantity::text, o.expires_at::text, o.oco_group_id, o.parent_order_id,
    o.hold_amount::text, o.reject_code) END,
    o.user_id
    FROM (SELECT * FROM orders o WHERE o.id = $1 AND o.id > '' LIMIT 100) AS o
    ORDER BY o.user_id;
