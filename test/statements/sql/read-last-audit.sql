PREPARE "read-last-audit" AS
SELECT (extract(epoch FROM made_at) * 1000)::float8 AS "madeAt", findings::float8 AS findings, to_json(checks) AS checks
    FROM last_audit;
