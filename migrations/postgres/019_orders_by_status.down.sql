-- no transaction
DROP INDEX CONCURRENTLY IF EXISTS orders_user_status;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_user_status ON orders (user_id, status, created_at DESC, id DESC)
  WHERE user_id > '';
DROP INDEX CONCURRENTLY IF EXISTS orders_user_symbol;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_user_symbol ON orders (user_id, symbol, created_at DESC, id DESC)
  WHERE user_id > '';
