PREPARE "persist:aJodP" AS
/*+ TidScan(a) Rows(new a #100) TidScan(o) Rows(new o #100) TidScan(h) Rows(gone h #100) */
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
update_orders AS (
  UPDATE orders o
  SET status = new.status, filled_quantity = new.filled_quantity, filled_value = new.filled_value,
    version = new.version, updated_at = new.changed_at,
    opened_at = CASE WHEN o.status = 'pending' AND new.status = 'open' THEN new.changed_at ELSE o.opened_at END
  FROM unnest($23::text[], $24::text[], $25::text[], $26::numeric[], $27::numeric[], $28::bigint[], $29::bigint[],
    $30::tid[], $31::timestamptz[])
    AS new (user_id, id, status, filled_quantity, filled_value, version, read_version, place, changed_at)
  WHERE o.ctid = new.place AND o.version = new.read_version
    AND o.user_id IS NOT DISTINCT FROM new.user_id
    AND o.id IS NOT DISTINCT FROM new.id
  RETURNING 1),
delete_holds AS (
  DELETE FROM holds h
  USING unnest($33::text[], $34::text[], $35::text[], $36::tid[])
    AS gone (user_id, order_id, currency, place)
  WHERE h.ctid = gone.place
    AND h.user_id IS NOT DISTINCT FROM gone.user_id
    AND h.order_id IS NOT DISTINCT FROM gone.order_id
    AND h.currency IS NOT DISTINCT FROM gone.currency
  RETURNING 1),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $38::uuid, $39::text, $40::timestamptz
  FROM unnest($41::text[], $42::text[], $43::text[], $44::text[], $45::text[], $46::text[], $47::text[],
    $48::json[])
    AS new (user_id, kind, id, type, content_hash, outcome, reason, metadata))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint AND (SELECT count(*) FROM update_orders) = $32::bigint AND (SELECT count(*) FROM delete_holds) = $37::bigint)::int AS guard_held;
