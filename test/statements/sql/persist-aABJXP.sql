PREPARE "persist:aABJXP" AS
/*+ TidScan(a) Rows(new a #100) */
WITH update_accounts AS (
  UPDATE accounts a
  SET available = new.available, locked = new.locked, version = new.version, updated_at = $8::timestamptz
  FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::bigint[], $6::bigint[], $7::tid[])
    AS new (user_id, currency, available, locked, version, read_version, place)
  WHERE a.ctid = new.place AND a.version = new.read_version
    AND a.user_id IS NOT DISTINCT FROM new.user_id AND a.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1),
insert_accounts AS (
  INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
  SELECT user_id, currency, available, locked, version, $15::timestamptz, $15::timestamptz
  FROM unnest($10::text[], $11::text[], $12::numeric[], $13::numeric[], $14::bigint[])
    AS new (user_id, currency, available, locked, version)),
insert_beginnings AS (
  INSERT INTO beginnings (currency, began_at)
  SELECT currency, $17::timestamptz FROM unnest($16::text[]) AS new (currency)
  ON CONFLICT DO NOTHING),
insert_journal AS (
  INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
    operation_id, operation_type, order_id, created_at, reason, metadata)
  SELECT *
  FROM unnest($18::text[], $19::text[], $20::bigint[], $21::numeric[], $22::numeric[], $23::numeric[], $24::numeric[],
    $25::text[], $26::text[], $27::text[], $28::timestamptz[], $29::text[], $30::json[])),
insert_transactions AS (
  INSERT INTO transactions (user_id, id, type, status, currency, amount, to_user_id, reference, created_at)
  SELECT user_id, id, type, 'completed', currency, amount, to_user_id, reference, created_at
  FROM unnest($31::text[], $32::text[], $33::text[], $34::text[], $35::numeric[], $36::text[], $37::text[], $38::timestamptz[])
    AS new (user_id, id, type, currency, amount, to_user_id, reference, created_at)),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $47::uuid, $48::text, $49::timestamptz
  FROM unnest($39::text[], $40::text[], $41::text[], $42::text[], $43::text[], $44::text[], $45::text[], $46::json[]))
SELECT 1 / ((SELECT count(*) FROM update_accounts) = $9::bigint)::int AS guard_held;
