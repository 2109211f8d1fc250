PREPARE "read-live-processes" AS
SELECT id, started_at AS "startedAt",
      greatest(extract(epoch FROM now() - seen_at) * 1000, 0)::float8 AS "ageMs", statistics AS report
    FROM processes
    WHERE seen_at > now() - $1::float8 * interval '1 millisecond' AND statistics ? 'operations'
    ORDER BY started_at, id;
