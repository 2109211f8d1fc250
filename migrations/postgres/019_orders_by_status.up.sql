-- no transaction
-- Two indexes of 006 again, still of every order. A read of orders in several statuses reads each status by itself, as many
-- orders of it as are asked for and no more: so the status comes before the time, with a market and without.
--
-- Conditions of their own, which are always true, keep the planner from the index by time alone. It takes that one where the
-- statistics say that all orders are of one user and in one status, and then reads all of them to find none in another.
-- A read for a market alone reads every status: with an index of its own it would take 0.7 to 0.9 times as long, and every
-- write of an order would have one index more to keep.
DROP INDEX CONCURRENTLY IF EXISTS orders_user_symbol;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_user_symbol ON orders (user_id, symbol, status, created_at DESC, id DESC)
  WHERE symbol > '';
DROP INDEX CONCURRENTLY IF EXISTS orders_user_status;
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_user_status ON orders (user_id, status, created_at DESC, id DESC)
  WHERE status > '';
