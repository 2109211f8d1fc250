PREPARE "get-older-entries" AS
/*+ IndexScan(j journal_pkey) */

    SELECT 
      j.user_id, j.currency, j.version, j.available_delta, j.locked_delta, j.available, j.locked, j.operation_id,
      j.operation_type, j.order_id, j.reason, j.metadata, j.created_at
    FROM journal j
    WHERE j.user_id = $1 AND j.currency = $2 AND j.version < $3 AND j.version > $4 AND j.version <= $5
    ORDER BY j.version DESC
    LIMIT $6;
