PREPARE "get-newer-operations-of-batch" AS
SELECT 
      o.user_id, o.kind, o.id, o.type, o.batch_id, o.actor, o.reason, o.metadata, o.created_at, o.outcome
    FROM operations_of_batch($1) AS o
    WHERE (o.user_id, o.kind, o.id) > ($2, $3, $4)
    ORDER BY o.user_id ASC, o.kind ASC, o.id ASC
    LIMIT $5;
