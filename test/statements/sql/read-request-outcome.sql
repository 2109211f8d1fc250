PREPARE "read-request-outcome" AS
SELECT caller, encode(items, 'base64') AS items, status, encode(body, 'base64') AS body,
      lease_until > now() AS is_running
    FROM requests
    WHERE batch_id = $1::uuid AND (caller = $2 OR $3::boolean) AND expires_at > now()
    ORDER BY caller <> $2, created_at, caller
    LIMIT 1;
