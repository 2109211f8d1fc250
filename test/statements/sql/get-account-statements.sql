PREPARE "get-account-statements" AS
/*+ IndexScan(j journal_pkey) */

    SELECT k.n,
      j.user_id, j.currency, j.version, j.available_delta, j.locked_delta, j.available, j.locked, j.operation_id,
      j.operation_type, j.order_id, j.reason, j.metadata, j.created_at
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS k (user_id, currency, before, n)
    CROSS JOIN LATERAL (
      SELECT * FROM journal j
      WHERE j.user_id = k.user_id AND j.currency = k.currency AND j.version < k.before
      ORDER BY j.version DESC
      LIMIT $4
    ) AS j
    ORDER BY k.n, j.version DESC;
