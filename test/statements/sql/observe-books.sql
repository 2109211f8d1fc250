PREPARE "observe-books" AS
/*+ IndexScan(o holds_expiry) */

    SELECT
      (
        SELECT coalesce(max((extract(epoch FROM now() - h.expires_at) * 1000)::float8), 0)
        FROM (
          SELECT o.expires_at FROM holds o
          WHERE o.expires_at <= now() AND NOT o.placed
          ORDER BY o.expires_at
          LIMIT 1
        ) AS h
      ) AS "overdueMs",
      r.name AS replica, r.lag_ms AS "lagMs", a.findings::float8 AS findings, to_json(a.checks) AS checks,
      (extract(epoch FROM a.made_at) * 1000)::float8 AS "madeAt"
    FROM (SELECT) AS one
    LEFT JOIN (
      SELECT coalesce(nullif(application_name, ''), host(client_addr), 'local') AS name,
        CASE
          WHEN replay_lsn < pg_current_wal_lsn() THEN coalesce((extract(epoch FROM replay_lag) * 1000)::float8, 0)
          ELSE 0
        END AS lag_ms
      FROM pg_stat_replication
      WHERE state <> 'backup'
      ORDER BY lag_ms DESC
      LIMIT 1
    ) AS r ON true
    LEFT JOIN last_audit a ON true;
