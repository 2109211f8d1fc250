CREATE TABLE orders (
  user_id          text COLLATE "C" NOT NULL,
  id               text COLLATE "C" NOT NULL,
  symbol           text COLLATE "C" NOT NULL,
  side             text COLLATE "C" NOT NULL CHECK (side IN ('buy', 'sell')),
  type             text COLLATE "C" NOT NULL CHECK (type IN
                     ('limit', 'market', 'stop', 'stop_limit', 'trailing_stop')),
  status           text COLLATE "C" NOT NULL CHECK (status IN
                     ('pending', 'open', 'partially_filled', 'filled', 'cancelled', 'expired', 'rejected')),
  quantity         numeric NOT NULL CHECK (quantity > 0),
  filled_quantity  numeric NOT NULL DEFAULT 0 CHECK (filled_quantity BETWEEN 0 AND quantity),
  filled_value     numeric NOT NULL DEFAULT 0,  -- sum of price x quantity of its fills, exact
  price            numeric CHECK (price > 0),
  stop_price       numeric CHECK (stop_price > 0),
  trailing_amount  numeric CHECK (trailing_amount > 0),
  trailing_percent numeric CHECK (trailing_percent > 0),
  display_quantity numeric CHECK (display_quantity > 0),  -- iceberg: what the book shows of it
  time_in_force    text COLLATE "C" NOT NULL CHECK (time_in_force IN ('gtc', 'ioc', 'fok', 'gtd', 'day')),
  expires_at       timestamptz,
  oco_group_id     text COLLATE "C",  -- orders of a group: one cancels the others
  parent_order_id  text COLLATE "C",
  hold_amount      numeric CHECK (hold_amount > 0),  -- what a buy without a limit price may spend
  placed           boolean NOT NULL,  -- by placeOrder: its funds are held, and leave by its own commands
  reject_code      text COLLATE "C",  -- why a recorded order was rejected
  version          bigint NOT NULL,   -- counts its changes; the guard of every write
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (user_id, id)
) WITH (fillfactor = 80);
