PREPARE "persist:aABJXP" AS
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
insert_transactions AS (
  INSERT INTO transactions (user_id, id, type, currency, amount, to_user_id, reference, created_at, status)
  SELECT *, 'completed'
  FROM unnest($31::text[], $32::text[], $33::text[], $34::text[], $35::numeric[], $36::text[], $37::text[],
    $38::timestamptz[])
    AS new (user_id, id, type, currency, amount, to_user_id, reference, created_at)),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $39::uuid, $40::text, $41::timestamptz
  FROM unnest($42::text[], $43::text[], $44::text[], $45::text[], $46::text[], $47::text[], $48::text[],
    $49::json[])
    AS new (user_id, kind, id, type, content_hash, outcome, reason, metadata))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint)::int AS guard_held;
