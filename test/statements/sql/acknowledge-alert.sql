PREPARE "acknowledge-alert" AS
UPDATE alerts AS a SET acknowledged_at = coalesce(a.acknowledged_at, now()),
      acknowledged_by = coalesce(a.acknowledged_by, $2)
    WHERE a.id = $1::uuid AND a.state <> 'pending'
    RETURNING a.id, a.rule, a.subject, a.severity, a.state, a.message, a.pending_at, a.fired_at, a.resolved_at,
      a.acknowledged_at, a.acknowledged_by;
