PREPARE "get-accounts" AS
/*+ IndexScan(a accounts_pkey) */

    SELECT k.n, a.available, a.locked, a.balance, a.version, a.updated_at
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, currency, n)
    CROSS JOIN LATERAL (
      SELECT * FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency OFFSET 0
    ) AS a;
