-- no transaction
DROP INDEX CONCURRENTLY IF EXISTS trades_user;
CREATE INDEX CONCURRENTLY IF NOT EXISTS trades_user ON trades (user_id, executed_at DESC);
