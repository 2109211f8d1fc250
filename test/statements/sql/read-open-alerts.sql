PREPARE "read-open-alerts" AS
SELECT id, rule, subject, severity, state, message, (extract(epoch FROM pending_at) * 1000)::float8 AS "pendingAt",
      (extract(epoch FROM fired_at) * 1000)::float8 AS "firedAt", (extract(epoch FROM calm_at) * 1000)::float8 AS "calmAt", (extract(epoch FROM resolved_at) * 1000)::float8 AS "resolvedAt",
      (extract(epoch FROM judged_at) * 1000)::float8 AS "judgedAt"
    FROM alerts
    WHERE state <> 'resolved';
