PREPARE "list-alerts" AS
SELECT a.id, a.rule, a.subject, a.severity, a.state, a.message, a.pending_at, a.fired_at, a.resolved_at,
      a.acknowledged_at, a.acknowledged_by
    FROM alerts a
    ORDER BY array_position(ARRAY['firing', 'pending', 'resolved'], a.state), a.id DESC
    LIMIT $1;
