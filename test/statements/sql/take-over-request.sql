PREPARE "take-over-request" AS
UPDATE requests
    SET run_id = $3::uuid, lease_until = now() + $4::interval
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL AND lease_until <= now()
      AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1;
