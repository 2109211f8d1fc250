PREPARE "put-off-alert-delivery" AS
UPDATE alert_deliveries SET next_at = now() + $3::interval
    WHERE alert_id = $1::uuid AND event = $2;
