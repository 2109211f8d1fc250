PREPARE "count-open-orders" AS
/*+ IndexScan(o orders_book) */

    SELECT count(*) AS found
    FROM (
      SELECT
      FROM unnest($1::text[]) AS k (symbol)
      CROSS JOIN LATERAL (
      SELECT * FROM orders o
      WHERE o.symbol = k.symbol AND o.status IN ('open', 'partially_filled') AND o.price IS NOT NULL
      OFFSET 0
      ) AS o
      LIMIT $2
    ) AS counted;
