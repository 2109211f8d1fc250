PREPARE "release-alert-lease" AS
UPDATE alert_lease SET held_until = now()
    WHERE holder = $1::uuid;
