PREPARE "add-request-usage" AS
INSERT INTO request_usage AS u (caller, expires_at, process_id, bytes)
    SELECT caller, date_trunc('hour', now() + $1::interval) + interval '1 hour', $2::uuid, bytes
    FROM unnest($3::text[], $4::bigint[]) AS new (caller, bytes)
    WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT (caller, expires_at, process_id) DO UPDATE SET bytes = u.bytes + excluded.bytes;
