PREPARE "delete-old-alerts" AS
DELETE FROM alerts
    WHERE resolved_at < now() - $1::interval;
