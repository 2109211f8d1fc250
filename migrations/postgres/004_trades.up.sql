-- Each trade stands here twice, once for each of its sides, so that a user's trades are with the user.
CREATE TABLE trades (
  user_id      text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL,
  side         text COLLATE "C" NOT NULL CHECK (side IN ('buy', 'sell')),
  order_id     text COLLATE "C" NOT NULL,
  symbol       text COLLATE "C" NOT NULL,
  price        numeric NOT NULL CHECK (price > 0),
  quantity     numeric NOT NULL CHECK (quantity > 0),
  quote_amount numeric NOT NULL CHECK (quote_amount >= 0),  -- what was paid for it
  fee          numeric NOT NULL CHECK (fee >= 0),           -- of what this side received
  liquidity    text COLLATE "C" NOT NULL CHECK (liquidity IN ('maker', 'taker')),
  executed_at  timestamptz NOT NULL,
  PRIMARY KEY (user_id, id, side)
);
