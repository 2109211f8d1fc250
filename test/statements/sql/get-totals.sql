PREPARE "get-totals" AS
SELECT a.currency, a.user_id LIKE '@%' AS is_system, sum(a.available) AS available, sum(a.locked) AS locked,
      sum(a.balance) AS balance, count(*) AS accounts
    FROM accounts a
    GROUP BY a.currency, is_system
    ORDER BY a.currency;
