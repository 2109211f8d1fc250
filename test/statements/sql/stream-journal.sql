PREPARE "stream-journal" AS
/*+ IndexScan(j journal_pkey) */

    SELECT 
      j.user_id, j.currency, j.version, j.available_delta, j.locked_delta, j.available, j.locked, j.operation_id,
      j.operation_type, j.order_id, j.reason, j.metadata, j.created_at
    FROM journal j
    WHERE (j.user_id, j.currency, j.version) > ($1, $2, $3)
    ORDER BY j.user_id, j.currency, j.version
    LIMIT 2000;
