PREPARE "read-request-usage" AS
SELECT caller, sum(bytes) AS bytes, ceil(extract(epoch FROM min(expires_at) - now()) * 1000) AS expires_in_ms
    FROM request_usage
    WHERE expires_at > now()
    GROUP BY caller;
