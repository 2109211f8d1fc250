/** Times go in and out as milliseconds since the epoch, except in `list-alerts`, which is for people. */

const msOf = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;
const timeOf = (field: string): string => `to_timestamp(${field} / 1000)`;

/** Takes or renews the lease, and tells the database's time; no row if another process holds it. */
export const takeAlertLease = {
  name: 'take-alert-lease',
  text: `
    INSERT INTO alert_lease AS l (holder, held_until)
    VALUES ($1::uuid, now() + $2::interval)
    ON CONFLICT (only_one) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
    WHERE l.holder = excluded.holder OR l.held_until <= now()
    RETURNING ${msOf('now()')} AS now`,
};

/** Ends the lease, so that another process takes it at once. */
export const releaseAlertLease = {
  name: 'release-alert-lease',
  text: `
    UPDATE alert_lease SET held_until = now()
    WHERE holder = $1::uuid`,
};

export const readOpenAlerts = {
  name: 'read-open-alerts',
  text: `
    SELECT id, rule, subject, severity, state, message, ${msOf('pending_at')} AS "pendingAt",
      ${msOf('fired_at')} AS "firedAt", ${msOf('calm_at')} AS "calmAt", ${msOf('resolved_at')} AS "resolvedAt",
      ${msOf('judged_at')} AS "judgedAt"
    FROM alerts
    WHERE state <> 'resolved'`,
};

/**
 * Writes an evaluation and the deliveries of its events at once, if this process still holds the lease.
 * The row of the lease is locked, so that no other process takes it meanwhile.
 */
export const writeAlerts = {
  name: 'write-alerts',
  text: `
    WITH held AS (
      SELECT FROM alert_lease
      WHERE holder = $1::uuid AND held_until > now()
      FOR NO KEY UPDATE
    ), forgotten AS (
      DELETE FROM alerts
      WHERE id = ANY ($2::uuid[]) AND state = 'pending' AND EXISTS (SELECT FROM held)
    ), written AS (
      INSERT INTO alerts AS a
        (id, rule, subject, severity, state, message, pending_at, fired_at, calm_at, resolved_at, judged_at)
      SELECT id, rule, subject, severity, state, message, ${timeOf('"pendingAt"')}, ${timeOf('"firedAt"')},
        ${timeOf('"calmAt"')}, ${timeOf('"resolvedAt"')}, ${timeOf('"judgedAt"')}
      FROM jsonb_to_recordset($3::jsonb) AS r (id uuid, rule text, subject text, severity text, state text,
        message text, "pendingAt" float8, "firedAt" float8, "calmAt" float8, "resolvedAt" float8, "judgedAt" float8)
      WHERE EXISTS (SELECT FROM held)
      ON CONFLICT (id) DO UPDATE SET state = excluded.state, message = excluded.message,
        pending_at = excluded.pending_at, fired_at = excluded.fired_at, calm_at = excluded.calm_at,
        resolved_at = excluded.resolved_at, judged_at = excluded.judged_at
    ), delivered AS (
      INSERT INTO alert_deliveries (alert_id, event, body)
      SELECT id, event, body
      FROM jsonb_to_recordset($4::jsonb) AS r (id uuid, event text, body text)
      WHERE EXISTS (SELECT FROM held)
    )
    SELECT FROM held`,
};

/**
 * Takes deliveries that are due, the oldest of each alert, and puts off the next attempt, so that no other process takes them
 * while this one tries.
 */
export const takeDeliveries = {
  name: 'take-alert-deliveries',
  text: `
    UPDATE alert_deliveries AS d SET attempts = attempts + 1, next_at = now() + $1::interval
    WHERE (alert_id, event) IN (
      SELECT due.alert_id, due.event
      FROM alert_deliveries due
      WHERE due.next_at <= now() AND NOT EXISTS (
        SELECT FROM alert_deliveries earlier
        WHERE earlier.alert_id = due.alert_id AND earlier.created_at < due.created_at
      )
      ORDER BY due.created_at
      LIMIT $2
      FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING alert_id AS "alertId", event, body, attempts`,
};

export const deleteDelivery = {
  name: 'delete-alert-delivery',
  text: `
    DELETE FROM alert_deliveries
    WHERE alert_id = $1::uuid AND event = $2`,
};

export const putOffDelivery = {
  name: 'put-off-alert-delivery',
  text: `
    UPDATE alert_deliveries SET next_at = now() + $3::interval
    WHERE alert_id = $1::uuid AND event = $2`,
};

/** Deletes alerts that were resolved long ago, with deliveries that were never taken. */
export const deleteOldAlerts = {
  name: 'delete-old-alerts',
  text: `
    DELETE FROM alerts
    WHERE resolved_at < now() - $1::interval`,
};

const COLUMNS = `a.id, a.rule, a.subject, a.severity, a.state, a.message, a.pending_at, a.fired_at, a.resolved_at,
      a.acknowledged_at, a.acknowledged_by`;

/** Those that fire come first, then the pending ones; each the newest first. */
export const listAlerts = {
  name: 'list-alerts',
  text: `
    SELECT ${COLUMNS}
    FROM alerts a
    ORDER BY array_position(ARRAY['firing', 'pending', 'resolved'], a.state), a.id DESC
    LIMIT $1`,
};

/** Those that began to fire or were resolved, of which nobody was told yet; none if this process does not hold the lease. */
export const readUntoldAlerts = {
  name: 'read-untold-alerts',
  text: `
    SELECT ${COLUMNS}
    FROM alerts a
    WHERE a.state <> 'pending' AND a.told_state IS DISTINCT FROM a.state AND EXISTS (
      SELECT FROM alert_lease
      WHERE holder = $1::uuid AND held_until > now()
    )
    ORDER BY a.id`,
};

export const noteToldAlerts = {
  name: 'note-told-alerts',
  text: `
    UPDATE alerts AS a SET told_state = told.state
    FROM unnest($1::uuid[], $2::text[]) AS told (id, state)
    WHERE a.id = told.id`,
};

/** The first acknowledgement stays. */
export const acknowledgeAlert = {
  name: 'acknowledge-alert',
  text: `
    UPDATE alerts AS a SET acknowledged_at = coalesce(a.acknowledged_at, now()),
      acknowledged_by = coalesce(a.acknowledged_by, $2)
    WHERE a.id = $1::uuid AND a.state <> 'pending'
    RETURNING ${COLUMNS}`,
};

export const noteAudit = {
  name: 'note-audit',
  text: `
    INSERT INTO last_audit (made_at, findings, checks)
    VALUES (now(), $1::bigint, $2::text[])
    ON CONFLICT (only_one) DO UPDATE
      SET made_at = excluded.made_at, findings = excluded.findings, checks = excluded.checks`,
};

/** No row if no audit was made yet. */
export const readLastAudit = {
  name: 'read-last-audit',
  text: `
    SELECT ${msOf('made_at')} AS "madeAt", findings::float8 AS findings, to_json(checks) AS checks
    FROM last_audit`,
};

/** The parts of an observation that only the database knows. */
export const observeBooks = {
  name: 'observe-books',
  hints: ['IndexScan(o holds_expiry)'],
  text: `
    SELECT
      (
        SELECT coalesce(max(${msOf('now() - h.expires_at')}), 0)
        FROM (
          SELECT o.expires_at FROM holds o
          WHERE o.expires_at <= now() AND NOT o.placed
          ORDER BY o.expires_at
          LIMIT 1
        ) AS h
      ) AS "overdueMs",
      r.name AS replica, r.lag_ms AS "lagMs", a.findings::float8 AS findings, to_json(a.checks) AS checks,
      ${msOf('a.made_at')} AS "madeAt"
    FROM (SELECT) AS one
    LEFT JOIN (
      SELECT coalesce(nullif(application_name, ''), host(client_addr), 'local') AS name,
        CASE
          WHEN replay_lsn < pg_current_wal_lsn() THEN coalesce(${msOf('replay_lag')}, 0)
          ELSE 0
        END AS lag_ms
      FROM pg_stat_replication
      WHERE state <> 'backup'
      ORDER BY lag_ms DESC
      LIMIT 1
    ) AS r ON true
    LEFT JOIN last_audit a ON true`,
};
