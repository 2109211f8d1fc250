PREPARE "write-alerts" AS
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
      SELECT id, rule, subject, severity, state, message, to_timestamp("pendingAt" / 1000), to_timestamp("firedAt" / 1000),
        to_timestamp("calmAt" / 1000), to_timestamp("resolvedAt" / 1000), to_timestamp("judgedAt" / 1000)
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
    SELECT FROM held;
