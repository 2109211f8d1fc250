PREPARE "read-operation-outcomes" AS
/*+ IndexScan(p operations_pkey) Rows(k p #100) */

    SELECT k.n, p.outcome, p.batch_id, p.actor
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (user_id, kind, id, n)
    CROSS JOIN LATERAL (
      SELECT outcome, batch_id, actor FROM operations p
      WHERE p.user_id = k.user_id AND p.kind = k.kind AND p.id = k.id
      OFFSET 0
    ) AS p;
