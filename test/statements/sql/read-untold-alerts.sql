PREPARE "read-untold-alerts" AS
SELECT a.id, a.rule, a.subject, a.severity, a.state, a.message, a.pending_at, a.fired_at, a.resolved_at,
      a.acknowledged_at, a.acknowledged_by
    FROM alerts a
    WHERE a.state <> 'pending' AND a.told_state IS DISTINCT FROM a.state AND EXISTS (
      SELECT FROM alert_lease
      WHERE holder = $1::uuid AND held_until > now()
    )
    ORDER BY a.id;
