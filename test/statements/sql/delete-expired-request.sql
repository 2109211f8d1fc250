PREPARE "delete-expired-request" AS
DELETE FROM requests
    WHERE batch_id = $1::uuid AND caller = $2 AND expires_at <= now() AND (status IS NOT NULL OR lease_until <= now())
      AND set_config('synchronous_commit', 'off', true) = 'off';
