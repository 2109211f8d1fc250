PREPARE "persist:oP" AS
/*+ TidScan(o) Rows(new o #100) */
WITH update_orders AS (
  UPDATE orders o
  SET status = new.status, filled_quantity = new.filled_quantity, filled_value = new.filled_value,
    version = new.version, updated_at = new.changed_at,
    opened_at = CASE WHEN o.status = 'pending' AND new.status = 'open' THEN new.changed_at ELSE o.opened_at END
  FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::bigint[], $7::bigint[],
    $8::tid[], $9::timestamptz[])
    AS new (user_id, id, status, filled_quantity, filled_value, version, read_version, place, changed_at)
  WHERE o.ctid = new.place AND o.version = new.read_version
    AND o.user_id IS NOT DISTINCT FROM new.user_id
    AND o.id IS NOT DISTINCT FROM new.id
  RETURNING 1),
insert_operations AS (
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $11::uuid, $12::text, $13::timestamptz
  FROM unnest($14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[],
    $21::json[])
    AS new (user_id, kind, id, type, content_hash, outcome, reason, metadata))
SELECT 1 / ((SELECT count(*) FROM update_orders) = $10::bigint)::int AS guard_held;
