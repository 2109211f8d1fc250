PREPARE "take-alert-deliveries" AS
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
    RETURNING alert_id AS "alertId", event, body, attempts;
