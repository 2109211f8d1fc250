-- no transaction
-- The index of 006 again, still of every trade: the condition is always true and keeps the planner from taking it where trades
-- are read in the order of their key. With the user behind the order: order ids are unique for a user only, and where thousands of
-- users have an order 3, the trades of one of them are found without reading those of all.
DROP INDEX CONCURRENTLY IF EXISTS trades_order;
CREATE INDEX CONCURRENTLY IF NOT EXISTS trades_order ON trades (order_id, user_id) WHERE order_id > '';
