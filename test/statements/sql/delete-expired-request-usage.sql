PREPARE "delete-expired-request-usage" AS
DELETE FROM request_usage
    WHERE expires_at <= now() AND set_config('synchronous_commit', 'off', true) = 'off';
