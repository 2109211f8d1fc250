/**
 * The statements of requests. Each is one round trip and one transaction by itself, except those that write the answer of a
 * batch: they are parts of the statement of the batch.
 *
 * The statements that are no such parts do not wait for the disk: they set `synchronous_commit` to `off` for their own
 * transaction, in the same statement. PostgreSQL writes its log in one sequence, so once the commit of a batch is on disk, the
 * row that was inserted before it is on disk too. A crash of the server can lose only a row whose batch was not committed.
 *
 * Leases are compared with `now()`: all processes share the clock of the server.
 */

export const insertRequest = {
  name: 'insert-request',
  text: `
    INSERT INTO requests (batch_id, caller, route, idempotency_key, content_hash, items, run_id, lease_until,
      created_at, expires_at)
    SELECT $1::uuid, $2, $3, $4, $5, decode($6, 'base64'), $7::uuid, now() + $8::interval, now(),
      now() + $9::interval
    WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT DO NOTHING
    RETURNING 1`,
};

/**
 * Part of the statement of a batch whose request has no row yet. The row stores no hash, since without an idempotency key no
 * later call is compared with it, and no items, since it has its answer.
 */
export const insertFinishedRequest = {
  name: 'insert-finished-request',
  text: `
    INSERT INTO requests (batch_id, caller, route, content_hash, run_id, lease_until, status, body, created_at,
      finished_at, expires_at)
    VALUES ($1::uuid, $2, $3, '', $1::uuid, now(), $4::smallint, decode($5, 'base64'), now(), now(),
      now() + $6::interval)
    ON CONFLICT DO NOTHING
    RETURNING 1`,
};

/** The caller's request with the key, and the one with the batch id. */
export const readRequests = {
  name: 'read-requests',
  text: `
    SELECT batch_id, route, idempotency_key, content_hash, run_id, status, encode(body, 'base64') AS body,
      lease_until <= now() AS is_left, expires_at <= now() AS is_expired
    FROM requests
    WHERE caller = $2 AND batch_id = ANY (ARRAY(
      SELECT batch_id FROM requests WHERE caller = $2 AND route = $3 AND idempotency_key = $4
    ) || $1::uuid)`,
};

/**
 * Takes over a request whose lease is over. If several calls saw the same run, only one of them succeeds. Several callers may
 * have requests with the same batch id; the id of the run, which is unique, tells which one is meant, here and below.
 */
export const takeOverRequest = {
  name: 'take-over-request',
  text: `
    UPDATE requests
    SET run_id = $3::uuid, lease_until = now() + $4::interval
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL AND lease_until <= now()
      AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1`,
};

/** Part of the statement of a batch, as durable as the batch. A run that has lost the request writes neither. */
export const finishRequest = {
  name: 'finish-request',
  text: `
    UPDATE requests
    SET status = $3::smallint, body = decode($4, 'base64'), items = NULL, finished_at = now()
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL
    RETURNING 1`,
};

/**
 * A late renewal leaves a released request released. A row that is locked is skipped: its answer is being written, so that no
 * process can take it over meanwhile, and the renewal of the other leases must not wait for it.
 */
export const renewLeases = {
  name: 'renew-requests',
  text: `
    UPDATE requests
    SET lease_until = now() + $3::interval
    WHERE ctid = ANY (ARRAY(
      SELECT ctid
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

/** Deletes expired requests that no process runs. Concurrent sweeps skip each other's rows. */
export const deleteExpiredRequests = {
  name: 'delete-expired-requests',
  text: `
    DELETE FROM requests
    WHERE ctid = ANY (ARRAY(
      SELECT ctid
      FROM requests
      WHERE expires_at <= now() AND (status IS NOT NULL OR lease_until <= now())
      ORDER BY expires_at
      LIMIT $1
      FOR UPDATE SKIP LOCKED
    )) AND set_config('synchronous_commit', 'off', true) = 'off'
    RETURNING 1`,
};

/** Deletes one expired request, so that its key can be used again at once. */
export const deleteExpiredRequest = {
  name: 'delete-expired-request',
  text: `
    DELETE FROM requests
    WHERE batch_id = $1::uuid AND caller = $2 AND expires_at <= now() AND (status IS NOT NULL OR lease_until <= now())
      AND set_config('synchronous_commit', 'off', true) = 'off'`,
};

/** If several requests that an admin may see have the id, its own comes first, then the oldest. */
export const readOutcome = {
  name: 'read-request-outcome',
  text: `
    SELECT caller, encode(items, 'base64') AS items, status, encode(body, 'base64') AS body,
      lease_until > now() AS is_running
    FROM requests
    WHERE batch_id = $1::uuid AND (caller = $2 OR $3::boolean) AND expires_at > now()
    ORDER BY caller <> $2, created_at, caller
    LIMIT 1`,
};

export const readOperationOutcomes = {
  name: 'read-operation-outcomes',
  hints: ['IndexScan(p operations_pkey)', 'Rows(k p #100)'],
  text: `
    SELECT k.n, p.outcome, p.batch_id, p.actor
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (user_id, kind, id, n)
    CROSS JOIN LATERAL (
      SELECT outcome, batch_id, actor FROM operations p
      WHERE p.user_id = k.user_id AND p.kind = k.kind AND p.id = k.id
      OFFSET 0
    ) AS p`,
};

/** Adds the counts of this process to the hour in which a row that is written now expires. */
export const addUsage = {
  name: 'add-request-usage',
  text: `
    INSERT INTO request_usage AS u (caller, expires_at, process_id, bytes)
    SELECT caller, date_trunc('hour', now() + $1::interval) + interval '1 hour', $2::uuid, bytes
    FROM unnest($3::text[], $4::bigint[]) AS new (caller, bytes)
    WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT (caller, expires_at, process_id) DO UPDATE SET bytes = u.bytes + excluded.bytes`,
};

/** The bytes that are stored for each caller, and the milliseconds until the first of them expire. */
export const readUsage = {
  name: 'read-request-usage',
  text: `
    SELECT caller, sum(bytes) AS bytes, ceil(extract(epoch FROM min(expires_at) - now()) * 1000) AS expires_in_ms
    FROM request_usage
    WHERE expires_at > now()
    GROUP BY caller`,
};

export const deleteExpiredUsage = {
  name: 'delete-expired-request-usage',
  text: `
    DELETE FROM request_usage
    WHERE expires_at <= now() AND set_config('synchronous_commit', 'off', true) = 'off'`,
};
