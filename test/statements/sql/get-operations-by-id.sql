PREPARE "get-operations-by-id" AS
/*+ IndexScan(o operations_pkey) */

    SELECT 
      o.user_id, o.kind, o.id, o.type, o.batch_id, o.actor, o.reason, o.metadata, o.created_at, o.outcome
    FROM unnest($1::text[]) AS k (user_id)
    CROSS JOIN LATERAL (
      SELECT * FROM operations o WHERE o.user_id = k.user_id AND o.kind = $2 AND o.id = $3 OFFSET 0
    ) AS o
    ORDER BY o.user_id
    LIMIT 100;
