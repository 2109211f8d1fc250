PREPARE "delete-alert-delivery" AS
DELETE FROM alert_deliveries
    WHERE alert_id = $1::uuid AND event = $2;
