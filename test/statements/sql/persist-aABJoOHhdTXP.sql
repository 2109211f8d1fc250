PREPARE "persist:aABJoOHhdTXP" AS
/*+ TidScan(a) Rows(new a #100) TidScan(o) Rows(new o #100) TidScan(h) Rows(new h #100) Rows(gone h #100) */
WITH update_accounts AS (
  UPDATE accounts a
  SET version = new.version, available = new.available, locked = new.locked, updated_at = $1::timestamptz
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::numeric[], $6::numeric[], $7::bigint[], $8::tid[])
    AS new (user_id, currency, version, available, locked, read_version, place)
  WHERE a.ctid = new.place AND a.version = new.read_version
    AND a.user_id IS NOT DISTINCT FROM new.user_id
    AND a.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1),
insert_accounts AS (
  INSERT INTO accounts (user_id, currency, version, available, locked, created_at, updated_at)
  SELECT *, $10::timestamptz, $10::timestamptz
  FROM unnest($11::text[], $12::text[], $13::bigint[], $14::numeric[], $15::numeric[])
    AS new (user_id, currency, version, available, locked)),
insert_beginnings AS (
  INSERT INTO beginnings (currency, began_at)
  SELECT *, $16::timestamptz
  FROM unnest($17::text[]) AS new (currency)
  ON CONFLICT DO NOTHING),
insert_journal AS (
  INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked, operation_id,
    operation_type, order_id, created_at, reason, metadata)
  SELECT *
  FROM unnest($18::text[], $19::text[], $20::bigint[], $21::numeric[], $22::numeric[], $23::numeric[],
    $24::numeric[], $25::text[], $26::text[], $27::text[], $28::timestamptz[], $29::text[],
    $30::json[])
    AS new (user_id, currency, version, available_delta, locked_delta, available, locked, operation_id,
    operation_type, order_id, created_at, reason, metadata)),
update_orders AS (
  UPDATE orders o
  SET status = new.status, filled_quantity = new.filled_quantity, filled_value = new.filled_value,
    version = new.version, updated_at = new.changed_at,
    opened_at = CASE WHEN o.status = 'pending' AND new.status = 'open' THEN new.changed_at ELSE o.opened_at END
  FROM unnest($31::text[], $32::text[], $33::text[], $34::numeric[], $35::numeric[], $36::bigint[], $37::bigint[],
    $38::tid[], $39::timestamptz[])
    AS new (user_id, id, status, filled_quantity, filled_value, version, read_version, place, changed_at)
  WHERE o.ctid = new.place AND o.version = new.read_version
    AND o.user_id IS NOT DISTINCT FROM new.user_id
    AND o.id IS NOT DISTINCT FROM new.id
  RETURNING 1),
insert_orders AS (
  INSERT INTO orders (user_id, id, symbol, side, type, quantity, price, hold_amount, placed, status,
    filled_quantity, filled_value, version, stop_price, trailing_amount, trailing_percent,
    display_quantity, time_in_force, expires_at, oco_group_id, parent_order_id, reject_code,
    created_at, updated_at)
  SELECT *, created_at
  FROM unnest($41::text[], $42::text[], $43::text[], $44::text[], $45::text[], $46::numeric[], $47::numeric[],
    $48::numeric[], $49::boolean[], $50::text[], $51::numeric[], $52::numeric[], $53::bigint[],
    $54::numeric[], $55::numeric[], $56::numeric[], $57::numeric[], $58::text[],
    $59::timestamptz[], $60::text[], $61::text[], $62::text[], $63::timestamptz[])
    AS new (user_id, id, symbol, side, type, quantity, price, hold_amount, placed, status,
    filled_quantity, filled_value, version, stop_price, trailing_amount, trailing_percent,
    display_quantity, time_in_force, expires_at, oco_group_id, parent_order_id, reject_code,
    created_at)),
insert_holds AS (
  INSERT INTO holds (user_id, order_id, currency, amount, placed, expires_at, created_at)
  SELECT *, $64::timestamptz
  FROM unnest($65::text[], $66::text[], $67::text[], $68::numeric[], $69::boolean[], $70::timestamptz[])
    AS new (user_id, order_id, currency, amount, placed, expires_at)),
update_holds AS (
  UPDATE holds h
  SET amount = new.amount, placed = new.placed, expires_at = new.expires_at
  FROM unnest($71::text[], $72::text[], $73::text[], $74::numeric[], $75::boolean[], $76::timestamptz[],
    $77::tid[])
    AS new (user_id, order_id, currency, amount, placed, expires_at, place)
  WHERE h.ctid = new.place
    AND h.user_id IS NOT DISTINCT FROM new.user_id
    AND h.order_id IS NOT DISTINCT FROM new.order_id
    AND h.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1),
delete_holds AS (
  DELETE FROM holds h
  USING unnest($79::text[], $80::text[], $81::text[], $82::tid[])
    AS gone (user_id, order_id, currency, place)
  WHERE h.ctid = gone.place
    AND h.user_id IS NOT DISTINCT FROM gone.user_id
    AND h.order_id IS NOT DISTINCT FROM gone.order_id
    AND h.currency IS NOT DISTINCT FROM gone.currency
  RETURNING 1),
insert_trades AS (
  INSERT INTO trades (user_id, id, side, order_id, symbol, price, quantity, quote_amount, fee, liquidity,
    executed_at)
  SELECT *
  FROM unnest($84::text[], $85::text[], $86::text[], $87::text[], $88::text[], $89::numeric[], $90::numeric[],
    $91::numeric[], $92::numeric[], $93::text[], $94::timestamptz[])
    AS new (user_id, id, side, order_id, symbol, price, quantity, quote_amount, fee, liquidity,
    executed_at)),
insert_transactions AS (
  INSERT INTO transactions (user_id, id, type, currency, amount, to_user_id, reference, created_at, status)
  SELECT *, 'completed'
  FROM unnest($95::text[], $96::text[], $97::text[], $98::text[], $99::numeric[], $100::text[], $101::text[],
    $102::timestamptz[])
    AS new (user_id, id, type, currency, amount, to_user_id, reference, created_at)),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $103::uuid, $104::text, $105::timestamptz
  FROM unnest($106::text[], $107::text[], $108::text[], $109::text[], $110::text[], $111::text[], $112::text[],
    $113::json[])
    AS new (user_id, kind, id, type, content_hash, outcome, reason, metadata))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint AND (SELECT count(*) FROM update_orders) = $40::bigint AND (SELECT count(*) FROM update_holds) = $78::bigint AND (SELECT count(*) FROM delete_holds) = $83::bigint)::int AS guard_held;
