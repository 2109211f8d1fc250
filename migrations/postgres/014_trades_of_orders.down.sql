-- no transaction
DROP INDEX CONCURRENTLY IF EXISTS trades_order;
CREATE INDEX CONCURRENTLY IF NOT EXISTS trades_order ON trades (order_id);
