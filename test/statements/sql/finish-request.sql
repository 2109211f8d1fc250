PREPARE "finish-request" AS
UPDATE requests
    SET status = $3::smallint, body = decode($4, 'base64'), items = NULL, finished_at = now()
    WHERE batch_id = $1::uuid AND run_id = $2::uuid AND status IS NULL
    RETURNING 1;
