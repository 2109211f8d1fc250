PREPARE "read-processes" AS
SELECT id, started_at AS "startedAt", seen_at AS "seenAt",
      greatest(extract(epoch FROM now() - seen_at) * 1000, 0)::float8 AS "ageMs",
      deadlocks_at_start::float8 AS "deadlocksAtStart", statistics AS report, is_live AS "isLive"
    FROM (
      SELECT *, seen_at > now() - $1::float8 * interval '1 millisecond' AND statistics ? 'operations' AS is_live
      FROM processes
    ) AS p
    WHERE is_live OR seen_at = (SELECT max(seen_at) FROM processes)
    ORDER BY started_at, id;
