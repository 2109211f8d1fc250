PREPARE "get-versions-before" AS
/*+ IndexScan(a accounts_pkey) IndexScan(j journal_pkey) */

    SELECT k.n, found.version
    FROM unnest($3::timestamptz[]) WITH ORDINALITY AS k (moment, n)
    CROSS JOIN accounts a
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
    WHERE a.user_id = $1 AND a.currency = $2;
