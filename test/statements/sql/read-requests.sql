PREPARE "read-requests" AS
SELECT batch_id, route, idempotency_key, content_hash, run_id, status, encode(body, 'base64') AS body,
      lease_until <= now() AS is_left, expires_at <= now() AS is_expired
    FROM requests
    WHERE caller = $2 AND batch_id = ANY (ARRAY(
      SELECT batch_id FROM requests WHERE caller = $2 AND route = $3 AND idempotency_key = $4
    ) || $1::uuid);
