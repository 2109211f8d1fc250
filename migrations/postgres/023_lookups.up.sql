-- no transaction
-- Look-ups of support: the items of a batch, and a trade by its id alone. A block-range index with Bloom filters costs the writes
-- nearly nothing, where a B-tree would have an entry for each operation and two for each trade; a look-up reads a filter for
-- every 32 pages, and then the few pages whose filter has the id. Ranges are summarized by autovacuum as they fill up; a look-up
-- reads all rows of the ranges that are not summarized yet.
CREATE INDEX CONCURRENTLY IF NOT EXISTS operations_batch ON operations
  USING brin (batch_id uuid_bloom_ops) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX CONCURRENTLY IF NOT EXISTS trades_id ON trades
  USING brin (id text_bloom_ops) WITH (pages_per_range = 32, autosummarize = on);
