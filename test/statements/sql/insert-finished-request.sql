PREPARE "insert-finished-request" AS
INSERT INTO requests (batch_id, caller, route, content_hash, run_id, lease_until, status, body, created_at,
      finished_at, expires_at)
    VALUES ($1::uuid, $2, $3, '', $1::uuid, now(), $4::smallint, decode($5, 'base64'), now(), now(),
      now() + $6::interval)
    ON CONFLICT DO NOTHING
    RETURNING 1;
