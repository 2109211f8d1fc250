DROP FUNCTION trades_with_id;
DROP FUNCTION operations_of_batch;
