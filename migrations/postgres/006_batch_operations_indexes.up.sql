-- no transaction
-- One statement ends at each semicolon that ends a line. Safe to run again after a failure half-way.
--
-- accounts (user_id, currency), holds (user_id, order_id, currency) and operations (user_id, id) are primary
-- keys already, and an index that repeats a prefix of another earns nothing, so none of them stands here.
--
-- Nor does a covering index, accounts (user_id, currency) INCLUDE (balance, available, locked, updated_at). Measured
-- with it against without it, in turn on one database, twice (pincex bench --covering-index):
--     get 1,000 accounts, freshly vacuumed   1.02  1.03 times as long
--     get 1,000 accounts, after the locks    1.01  1.01
--     lock 500                               1.12  1.21
--     share of account updates that are HOT  1.0 without it, 0 with it
-- It costs every movement an index entry, and a read gains nothing: it wants the version too, which changes with
-- every movement and would have to be in the index as well.

-- These four hold every order: the conditions are always true. They keep the planner from taking one of them,
-- and reading all orders of a user, where a batch asks for (user_id, id): on a new table all these indexes cost
-- the same, and a plan made then is kept (update 100 orders: 47 ms instead of 2). Only a read that states the
-- condition can use them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_id ON orders (id) WHERE id > '';
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_user_created ON orders (user_id, created_at DESC, id DESC)
  WHERE user_id > '';
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_user_symbol ON orders (user_id, symbol, created_at DESC, id DESC)
  WHERE user_id > '';
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_user_status ON orders (user_id, status, created_at DESC, id DESC)
  WHERE user_id > '';

-- The order book, and only what can stand in it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_book ON orders (symbol, side, price)
  WHERE status IN ('open', 'partially_filled') AND price IS NOT NULL;

-- What the sweeper asks for; nothing else is in these two.
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_expiry ON orders (expires_at)
  WHERE expires_at IS NOT NULL AND status IN ('pending', 'open', 'partially_filled');
CREATE INDEX CONCURRENTLY IF NOT EXISTS holds_expiry ON holds (expires_at)
  WHERE expires_at IS NOT NULL AND NOT placed;

CREATE INDEX CONCURRENTLY IF NOT EXISTS trades_order ON trades (order_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS trades_user ON trades (user_id, executed_at DESC);

CREATE INDEX CONCURRENTLY IF NOT EXISTS transactions_user ON transactions (user_id, created_at DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS transactions_status ON transactions (status, created_at)
  WHERE status <> 'completed';
CREATE INDEX CONCURRENTLY IF NOT EXISTS transactions_reference ON transactions (reference)
  WHERE reference IS NOT NULL;
