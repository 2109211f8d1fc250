PREPARE "persist:aJHP" AS
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
insert_holds AS (
  INSERT INTO holds (user_id, order_id, currency, amount, placed, expires_at, created_at)
  SELECT *, $23::timestamptz
  FROM unnest($24::text[], $25::text[], $26::text[], $27::numeric[], $28::boolean[], $29::timestamptz[])
    AS new (user_id, order_id, currency, amount, placed, expires_at)),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $30::uuid, $31::text, $32::timestamptz
  FROM unnest($33::text[], $34::text[], $35::text[], $36::text[], $37::text[], $38::text[], $39::text[],
    $40::json[])
    AS new (user_id, kind, id, type, content_hash, outcome, reason, metadata))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint)::int AS guard_held;
