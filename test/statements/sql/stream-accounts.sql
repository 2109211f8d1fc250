PREPARE "stream-accounts" AS
/*+ IndexScan(a accounts_pkey) */

    SELECT a.user_id, a.currency, a.available, a.locked, a.balance, a.version, a.updated_at
    FROM accounts a
    WHERE (a.user_id, a.currency) > ($1, $2)
    ORDER BY a.user_id, a.currency
    LIMIT 2000;
