PREPARE "release-request" AS
UPDATE requests
    SET lease_until = '-infinity'
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL
      AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1;
