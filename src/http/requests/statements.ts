/**
 * The statements of requests, each one round trip and one transaction by itself, but for the answer of a batch, which is
 * written alongside it.
 *
 * None of the others that write waits for the disk: they set `synchronous_commit` to `off` for their own transaction, in
 * the same statement. PostgreSQL writes its log in one sequence, so once the commit of a batch is on the disk, the row
 * that was made before it is too. What a crash of the server can lose is the last moments: a row whose batch had not
 * been committed, and then nothing of it was.
 *
 * Leases are compared with `now()`: the clock of the server is the one that all processes share.
 */

export const insertRequest = {
  name: 'insert-request',
  text: `
    INSERT INTO requests (batch_id, caller, route, idempotency_key, content_hash, items, run_id, lease_until,
      created_at, expires_at)
    SELECT $1::uuid, $2, $3, $4, $5, $6, $7::uuid, now() + $8::interval, now(), now() + $9::interval
    WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT DO NOTHING
    RETURNING 1`,
};

/**
 * Part of the statement that writes a batch of which nothing was noted before: nothing that comes later is the same, nor is
 * it ever looked up.
 */
export const insertFinishedRequest = {
  name: 'insert-finished-request',
  text: `
    INSERT INTO requests (batch_id, caller, route, content_hash, items, run_id, lease_until, status, body,
      created_at, finished_at, expires_at)
    VALUES ($1::uuid, $2, $3, '', '[]', $1::uuid, now(), $4::smallint, $5, now(), now(), now() + $6::interval)
    ON CONFLICT DO NOTHING
    RETURNING 1`,
};

/** The request that has the key, and the one that has the batch id. */
export const readRequests = {
  name: 'read-requests',
  text: `
    SELECT batch_id, caller, route, idempotency_key, content_hash, run_id, status, body,
      lease_until <= now() AS is_left, expires_at <= now() AS is_expired
    FROM requests
    WHERE batch_id = ANY (ARRAY(
      SELECT batch_id FROM requests WHERE caller = $2 AND route = $3 AND idempotency_key = $4
    ) || $1::uuid)`,
};

/** Only one of those who saw the same run come to its end gets it. */
export const takeOverRequest = {
  name: 'take-over-request',
  text: `
    UPDATE requests
    SET run_id = $3::uuid, lease_until = now() + $4::interval
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL AND lease_until <= now()
      AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1`,
};

/** Part of the statement that writes a batch, which is as sure as that: whoever has lost the request writes neither. */
export const finishRequest = {
  name: 'finish-request',
  text: `
    UPDATE requests
    SET status = $3::smallint, body = $4, finished_at = now()
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL
    RETURNING 1`,
};

/**
 * A released request stays so, though a renewal be late. One that is being written is let be: nobody can take it over
 * meanwhile, and the others must not wait for it.
 */
export const renewLeases = {
  name: 'renew-requests',
  text: `
    UPDATE requests
    SET lease_until = now() + $3::interval
    WHERE batch_id = ANY (ARRAY(
      SELECT batch_id
      FROM requests
      WHERE batch_id = ANY ($1::uuid[]) AND run_id = ANY ($2::uuid[]) AND status IS NULL AND lease_until > '-infinity'
      FOR NO KEY UPDATE SKIP LOCKED
    )) AND set_config('synchronous_commit', 'off', true) = 'off'`,
};

export const releaseRequest = {
  name: 'release-request',
  text: `
    UPDATE requests
    SET lease_until = '-infinity'
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL
      AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1`,
};

/** What has expired and nobody runs. Whoever sweeps at the same time takes others. */
export const deleteExpiredRequests = {
  name: 'delete-expired-requests',
  text: `
    DELETE FROM requests
    WHERE batch_id = ANY (ARRAY(
      SELECT batch_id
      FROM requests
      WHERE expires_at <= now() AND (status IS NOT NULL OR lease_until <= now())
      ORDER BY expires_at
      LIMIT $1
      FOR UPDATE SKIP LOCKED
    )) AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1`,
};

/** The same for one, so that its key is free at once. */
export const deleteExpiredRequest = {
  name: 'delete-expired-request',
  text: `
    DELETE FROM requests
    WHERE batch_id = $1::uuid AND expires_at <= now() AND (status IS NOT NULL OR lease_until <= now())
      AND set_config('synchronous_commit', 'off', true) = 'off'`,
};

export const readOutcome = {
  name: 'read-request-outcome',
  text: `
    SELECT items, status, body, lease_until > now() AS is_running
    FROM requests
    WHERE batch_id = $1::uuid AND (caller = $2 OR $3::boolean) AND expires_at > now()`,
};

export const readOperationOutcomes = {
  name: 'read-operation-outcomes',
  hints: ['IndexScan(p operations_pkey)', 'Rows(k p #100)'],
  text: `
    SELECT k.n, p.outcome, p.batch_id
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (user_id, kind, id, n)
    CROSS JOIN LATERAL (
      SELECT outcome, batch_id FROM operations p
      WHERE p.user_id = k.user_id AND p.kind = k.kind AND p.id = k.id
      OFFSET 0
    ) AS p`,
};
