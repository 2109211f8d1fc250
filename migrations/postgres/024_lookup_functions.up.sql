-- The connections of the pool may not use bitmap scans, and only a bitmap scan can use the indexes of 023.
CREATE FUNCTION operations_of_batch(batch uuid) RETURNS SETOF operations LANGUAGE sql STABLE
  SET enable_bitmapscan = on SET enable_seqscan = off SET enable_indexscan = off
  AS 'SELECT * FROM operations o WHERE o.batch_id = batch';
CREATE FUNCTION trades_with_id(trade text) RETURNS SETOF trades LANGUAGE sql STABLE
  SET enable_bitmapscan = on SET enable_seqscan = off SET enable_indexscan = off
  AS 'SELECT * FROM trades t WHERE t.id = trade';
