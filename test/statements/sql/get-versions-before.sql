PREPARE "get-versions-before" AS
/*+ IndexScan(a accounts_pkey) IndexScan(j journal_pkey) */

    SELECT k.n, found.version
    FROM unnest($3::timestamptz[]) WITH ORDINALITY AS k (moment, n)
    CROSS JOIN accounts a
    CROSS JOIN LATERAL (
      WITH RECURSIVE bits AS (
        SELECT 0::bigint AS version, 1::bigint << 50 AS bit
        UNION ALL
        SELECT CASE WHEN is_before THEN version + bit ELSE version END, bit >> 1
        FROM (
          SELECT bits.*, EXISTS (
            SELECT FROM journal j
            WHERE j.user_id = a.user_id AND j.currency = a.currency AND j.version = bits.version + bits.bit
              AND j.created_at < k.moment
          ) AS is_before
          FROM bits
          WHERE bit > 0
        ) AS tried
      )
      SELECT version FROM bits WHERE bit = 0
    ) AS found
    WHERE a.user_id = $1 AND a.currency = $2;
