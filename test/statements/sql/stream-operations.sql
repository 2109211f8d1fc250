PREPARE "stream-operations" AS
/*+ IndexScan(o operations_pkey) */

    SELECT 
      o.user_id, o.kind, o.id, o.type, o.batch_id, o.actor, o.reason, o.metadata, o.created_at
    FROM operations o
    WHERE (o.user_id, o.kind, o.id) > ($1, $2, $3)
    ORDER BY o.user_id, o.kind, o.id
    LIMIT 2000;
