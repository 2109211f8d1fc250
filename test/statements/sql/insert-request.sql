PREPARE "insert-request" AS
INSERT INTO requests (batch_id, caller, route, idempotency_key, content_hash, items, run_id, lease_until,
      created_at, expires_at)
    SELECT $1::uuid, $2, $3, $4, $5, decode($6, 'base64'), $7::uuid, now() + $8::interval, now(),
      now() + $9::interval
    WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT DO NOTHING
    RETURNING 1;
