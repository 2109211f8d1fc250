PREPARE "persist:aJhdP" AS
/*+ TidScan(a) Rows(new a #100) TidScan(h) Rows(new h #100) Rows(gone h #100) */
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
update_holds AS (
  UPDATE holds h
  SET amount = new.amount, placed = new.placed, expires_at = new.expires_at
  FROM unnest($23::text[], $24::text[], $25::text[], $26::numeric[], $27::boolean[], $28::timestamptz[],
    $29::tid[])
    AS new (user_id, order_id, currency, amount, placed, expires_at, place)
  WHERE h.ctid = new.place
    AND h.user_id IS NOT DISTINCT FROM new.user_id
    AND h.order_id IS NOT DISTINCT FROM new.order_id
    AND h.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1),
delete_holds AS (
  DELETE FROM holds h
  USING unnest($31::text[], $32::text[], $33::text[], $34::tid[])
    AS gone (user_id, order_id, currency, place)
  WHERE h.ctid = gone.place
    AND h.user_id IS NOT DISTINCT FROM gone.user_id
    AND h.order_id IS NOT DISTINCT FROM gone.order_id
    AND h.currency IS NOT DISTINCT FROM gone.currency
  RETURNING 1),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $36::uuid, $37::text, $38::timestamptz
  FROM unnest($39::text[], $40::text[], $41::text[], $42::text[], $43::text[], $44::text[], $45::text[],
    $46::json[])
    AS new (user_id, kind, id, type, content_hash, outcome, reason, metadata))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint AND (SELECT count(*) FROM update_holds) = $30::bigint AND (SELECT count(*) FROM delete_holds) = $35::bigint)::int AS guard_held;
