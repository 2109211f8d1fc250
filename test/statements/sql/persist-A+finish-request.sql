PREPARE "persist:A+finish-request" AS
WITH insert_accounts AS (
  INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
  SELECT user_id, currency, available, locked, version, $6::timestamptz, $6::timestamptz
  FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::bigint[])
    AS new (user_id, currency, available, locked, version)
  RETURNING 1),
alongside AS (
    UPDATE requests
    SET status = $9::smallint, body = decode($10, 'base64'), items = NULL, finished_at = now()
    WHERE batch_id = $7::uuid AND run_id = $8::uuid AND status IS NULL
    RETURNING 1)
SELECT 1 / (true)::int AS guard_held, 0 + (SELECT count(*) FROM insert_accounts) AS inserted, sqrt((SELECT count(*) FROM alongside)::float8 - 1) AS alongside_held;
