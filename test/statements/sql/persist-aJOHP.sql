PREPARE "persist:aJOHP" AS
/*+ TidScan(a) Rows(new a #100) */
WITH update_accounts AS (
  UPDATE accounts a
  SET version = new.version, available = new.available, locked = new.locked, updated_at = $1::timestamptz
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::numeric[], $6::numeric[], $7::bigint[], $8::tid[])
    AS new (user_id, currency, version, available, locked, read_version, place)
  WHERE a.ctid = new.place AND a.version = new.read_version
    AND a.user_id IS NOT DISTINCT FROM new.user_id
    AND a.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1),
insert_journal AS (
  INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked, operation_id,
    operation_type, order_id, created_at, reason, metadata)
  SELECT *
  FROM unnest($10::text[], $11::text[], $12::bigint[], $13::numeric[], $14::numeric[], $15::numeric[],
    $16::numeric[], $17::text[], $18::text[], $19::text[], $20::timestamptz[], $21::text[],
    $22::json[])
    AS new (user_id, currency, version, available_delta, locked_delta, available, locked, operation_id,
    operation_type, order_id, created_at, reason, metadata)),
insert_orders AS (
  INSERT INTO orders (user_id, id, symbol, side, type, quantity, price, hold_amount, placed, status,
    filled_quantity, filled_value, version, stop_price, trailing_amount, trailing_percent,
    display_quantity, time_in_force, expires_at, oco_group_id, parent_order_id, reject_code,
    created_at, updated_at)
  SELECT *, created_at
  FROM unnest($23::text[], $24::text[], $25::text[], $26::text[], $27::text[], $28::numeric[], $29::numeric[],
    $30::numeric[], $31::boolean[], $32::text[], $33::numeric[], $34::numeric[], $35::bigint[],
    $36::numeric[], $37::numeric[], $38::numeric[], $39::numeric[], $40::text[],
    $41::timestamptz[], $42::text[], $43::text[], $44::text[], $45::timestamptz[])
    AS new (user_id, id, symbol, side, type, quantity, price, hold_amount, placed, status,
    filled_quantity, filled_value, version, stop_price, trailing_amount, trailing_percent,
    display_quantity, time_in_force, expires_at, oco_group_id, parent_order_id, reject_code,
    created_at)),
insert_holds AS (
  INSERT INTO holds (user_id, order_id, currency, amount, placed, expires_at, created_at)
  SELECT *, $46::timestamptz
  FROM unnest($47::text[], $48::text[], $49::text[], $50::numeric[], $51::boolean[], $52::timestamptz[])
    AS new (user_id, order_id, currency, amount, placed, expires_at)),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $53::uuid, $54::text, $55::timestamptz
  FROM unnest($56::text[], $57::text[], $58::text[], $59::text[], $60::text[], $61::text[], $62::text[],
    $63::json[])
    AS new (user_id, kind, id, type, content_hash, outcome, reason, metadata))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint)::int AS guard_held;
