PREPARE "delete-expired-requests" AS
DELETE FROM requests
    WHERE ctid = ANY (ARRAY(
      SELECT ctid
      FROM requests
      WHERE expires_at <= now() AND (status IS NOT NULL OR lease_until <= now())
      ORDER BY expires_at
      LIMIT $1
      FOR UPDATE SKIP LOCKED
    )) AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1;
