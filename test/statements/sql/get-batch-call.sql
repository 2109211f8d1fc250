PREPARE "get-batch-call" AS
/*+ IndexScan(r requests_pkey) */

    SELECT r.caller, r.route, r.status, r.created_at, r.finished_at
    FROM requests r
    WHERE r.batch_id = $1
    ORDER BY r.created_at, r.caller
    LIMIT 1;
