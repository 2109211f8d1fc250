PREPARE "delete-old-processes" AS
DELETE FROM processes WHERE seen_at < $1::timestamptz;
