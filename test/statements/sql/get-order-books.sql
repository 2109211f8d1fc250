PREPARE "get-order-books" AS
/*+ IndexScan(o orders_book) */

    SELECT k.n, 'buy' AS side, level.*
    FROM unnest($1::text[]) WITH ORDINALITY AS k (symbol, n)
    CROSS JOIN LATERAL (
      SELECT o.price, sum(least(o.quantity - o.filled_quantity, o.display_quantity)) AS quantity,
        count(*) AS orders
      FROM orders o
      WHERE o.symbol = k.symbol AND o.side = 'buy' AND o.status IN ('open', 'partially_filled')
        AND o.price IS NOT NULL
      GROUP BY o.price
      ORDER BY o.price DESC
      LIMIT $2
    ) AS level
    UNION ALL
    SELECT k.n, 'sell' AS side, level.*
    FROM unnest($1::text[]) WITH ORDINALITY AS k (symbol, n)
    CROSS JOIN LATERAL (
      SELECT o.price, sum(least(o.quantity - o.filled_quantity, o.display_quantity)) AS quantity,
        count(*) AS orders
      FROM orders o
      WHERE o.symbol = k.symbol AND o.side = 'sell' AND o.status IN ('open', 'partially_filled')
        AND o.price IS NOT NULL
      GROUP BY o.price
      ORDER BY o.price ASC
      LIMIT $2
    ) AS level;
