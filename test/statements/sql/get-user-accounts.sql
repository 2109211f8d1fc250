PREPARE "get-user-accounts" AS
/*+ IndexScan(a accounts_pkey) */

    SELECT a.currency, a.available, a.locked, a.balance, a.version, a.updated_at
    FROM accounts a
    WHERE a.user_id = $1
    ORDER BY a.currency;
