PREPARE "persist:aJOHP" AS
/*+ TidScan(a) Rows(new a #100) */
WITH update_accounts AS (
  UPDATE accounts a
  SET available = new.available, locked = new.locked, version = new.version, updated_at = $8::timestamptz
  FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::bigint[], $6::bigint[], $7::tid[])
    AS new (user_id, currency, available, locked, version, read_version, place)
  WHERE a.ctid = new.place AND a.version = new.read_version
    AND a.user_id IS NOT DISTINCT FROM new.user_id AND a.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1),
insert_journal AS (
  INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
    operation_id, operation_type, order_id, created_at, reason, metadata)
  SELECT *
  FROM unnest($10::text[], $11::text[], $12::bigint[], $13::numeric[], $14::numeric[], $15::numeric[], $16::numeric[],
    $17::text[], $18::text[], $19::text[], $20::timestamptz[], $21::text[], $22::json[])),
insert_orders AS (
  INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, filled_quantity, filled_value, price,
    stop_price, trailing_amount, trailing_percent, display_quantity, time_in_force, expires_at, oco_group_id,
    parent_order_id, hold_amount, placed, reject_code, version, created_at, updated_at)
  SELECT *, created_at
  FROM unnest($23::text[], $24::text[], $25::text[], $26::text[], $27::text[], $28::text[], $29::numeric[],
    $30::numeric[], $31::numeric[], $32::numeric[], $33::numeric[], $34::numeric[], $35::numeric[],
    $36::numeric[], $37::text[], $38::timestamptz[], $39::text[], $40::text[], $41::numeric[],
    $42::boolean[], $43::text[], $44::bigint[], $45::timestamptz[])
    AS new (user_id, id, symbol, side, type, status, quantity, filled_quantity, filled_value, price,
      stop_price, trailing_amount, trailing_percent, display_quantity, time_in_force, expires_at, oco_group_id,
      parent_order_id, hold_amount, placed, reject_code, version, created_at)),
insert_holds AS (
  INSERT INTO holds (user_id, order_id, currency, amount, placed, expires_at, created_at)
  SELECT *, $52::timestamptz
  FROM unnest($46::text[], $47::text[], $48::text[], $49::numeric[], $50::boolean[], $51::timestamptz[])),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $61::uuid, $62::text, $63::timestamptz
  FROM unnest($53::text[], $54::text[], $55::text[], $56::text[], $57::text[], $58::text[], $59::text[], $60::json[]))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint)::int AS guard_held;
