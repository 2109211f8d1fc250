PREPARE "get-accounts-at" AS
/*+ IndexScan(a accounts_pkey) IndexScan(j journal_pkey) IndexScan(e journal_pkey) */

    SELECT a.currency, e.available, e.locked, e.available + e.locked AS balance, e.version, e.created_at AS updated_at
    FROM accounts a
    CROSS JOIN (SELECT $2::timestamptz AS moment) AS k
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
    JOIN journal e ON e.user_id = a.user_id AND e.currency = a.currency AND e.version = found.version
    WHERE a.user_id = $1
    ORDER BY a.currency;
