PREPARE "persist:A+finish-request" AS
WITH insert_accounts AS (
  INSERT INTO accounts (user_id, currency, version, available, locked, created_at, updated_at)
  SELECT *, $1::timestamptz, $1::timestamptz
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::numeric[], $6::numeric[])
    AS new (user_id, currency, version, available, locked)
  RETURNING 1),
with_1 AS (
    UPDATE requests
    SET status = $9::smallint, body = decode($10, 'base64'), items = NULL, finished_at = now()
    WHERE batch_id = $7::uuid AND run_id = $8::uuid AND status IS NULL
    RETURNING 1)
SELECT 1 / (true)::int AS guard_held, 0 + (SELECT count(*) FROM insert_accounts) AS inserted, sqrt((SELECT count(*) FROM with_1)::float8 - 1) AS with_1_held;
