PREPARE "get-accounts-at" AS
/*+ IndexScan(a accounts_pkey) IndexScan(j journal_pkey) IndexScan(e journal_pkey) */

    SELECT a.currency, e.available, e.locked, e.available + e.locked AS balance, e.version, e.created_at AS updated_at
    FROM accounts a
    CROSS JOIN (SELECT $2::timestamptz AS moment) AS k
    CROSS JOIN LATERAL (
      WITH RECURSIVE half AS (
        SELECT 0::bigint AS before, a.version + 1 AS after
        UNION ALL
        SELECT CASE WHEN is_before THEN middle ELSE before END, CASE WHEN is_before THEN after ELSE middle END
        FROM (
          SELECT half.*, (before + after) / 2 AS middle,
            coalesce((
              SELECT j.created_at < k.moment
              FROM journal j
              WHERE j.user_id = a.user_id AND j.currency = a.currency AND j.version = (before + after) / 2
            ), true) AS is_before
          FROM half
          WHERE after - before > 1
        ) AS halved
      )
      SELECT before AS version FROM half WHERE after - before = 1
    ) AS found
    JOIN journal e ON e.user_id = a.user_id AND e.currency = a.currency AND e.version = found.version
    WHERE a.user_id = $1
    ORDER BY a.currency;
