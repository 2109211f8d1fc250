PREPARE "renew-requests" AS
UPDATE requests
    SET lease_until = now() + $3::interval
    WHERE ctid = ANY (ARRAY(
      SELECT ctid
      FROM requests
      WHERE batch_id = ANY ($1::uuid[]) AND run_id = ANY ($2::uuid[]) AND status IS NULL AND lease_until > '-infinity'
      FOR NO KEY UPDATE SKIP LOCKED
    )) AND set_config('synchronous_commit', 'off', true) = 'off';
