PREPARE "delete-old-processes" AS
DELETE FROM processes WHERE seen_at < now() - interval '1 day';
