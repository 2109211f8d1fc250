PREPARE "write-process" AS
INSERT INTO processes (id, started_at, seen_at, deadlocks_at_start, statistics)
    SELECT $1::uuid, now(), now(), deadlocks, $2::jsonb
    FROM pg_stat_database
    WHERE datname = current_database()
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, statistics = excluded.statistics;
