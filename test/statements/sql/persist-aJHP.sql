PREPARE "persist:aJHP" AS
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
insert_holds AS (
  INSERT INTO holds (user_id, order_id, currency, amount, placed, expires_at, created_at)
  SELECT *, $29::timestamptz
  FROM unnest($23::text[], $24::text[], $25::text[], $26::numeric[], $27::boolean[], $28::timestamptz[])),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $38::uuid, $39::text, $40::timestamptz
  FROM unnest($30::text[], $31::text[], $32::text[], $33::text[], $34::text[], $35::text[], $36::text[], $37::json[]))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint)::int AS guard_held;
