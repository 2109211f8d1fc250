-- Where money is, what it is held for, and every step it took.
--
-- user_id leads every primary key, so that these tables can be distributed by it. Ids are text in the
-- caller's own form, compared bytewise. Users whose id begins with '@' are the system's own: '@outside' is
-- the world that deposits come from and withdrawals go to (its accounts go below zero), '@fees' takes fees.

CREATE TABLE accounts (
  user_id    text COLLATE "C" NOT NULL,
  currency   text COLLATE "C" NOT NULL,
  available  numeric NOT NULL,
  locked     numeric NOT NULL DEFAULT 0,
  balance    numeric GENERATED ALWAYS AS (available + locked) STORED,
  version    bigint NOT NULL,  -- counts the journal entries of the account; the guard of every write
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, currency),
  CONSTRAINT available_not_negative CHECK (available >= 0 OR user_id LIKE '@%'),
  CONSTRAINT locked_not_negative CHECK (locked >= 0)
) WITH (fillfactor = 70);  -- room for HOT updates: no index holds a column that a movement changes

CREATE TABLE journal (
  user_id         text COLLATE "C" NOT NULL,
  currency        text COLLATE "C" NOT NULL,
  version         bigint NOT NULL,  -- of the account after this entry: 1, 2, 3 … without gaps
  available_delta numeric NOT NULL,
  locked_delta    numeric NOT NULL,
  available       numeric NOT NULL,  -- after this entry
  locked          numeric NOT NULL,
  operation_id    text COLLATE "C" NOT NULL,  -- the caller's id of what moved it
  operation_type  text COLLATE "C" NOT NULL,
  order_id        text COLLATE "C",           -- the order whose hold was made or taken from
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (user_id, currency, version)
);

-- Only open holds stand here; a hold that is used up is deleted, and the journal remembers it.
CREATE TABLE holds (
  user_id    text COLLATE "C" NOT NULL,
  order_id   text COLLATE "C" NOT NULL,
  currency   text COLLATE "C" NOT NULL,
  amount     numeric NOT NULL CHECK (amount > 0),
  placed     boolean NOT NULL,  -- made with its order by placeOrder: only that order's commands take from it
  expires_at timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, order_id, currency)
) WITH (fillfactor = 80);

-- One row for every item that was applied: what makes sending it again harmless.
CREATE TABLE operations (
  user_id      text COLLATE "C" NOT NULL,
  id           text COLLATE "C" NOT NULL,  -- the caller's
  type         text COLLATE "C" NOT NULL,
  content_hash text COLLATE "C" NOT NULL,  -- of what was asked: tells a replay from a reused id
  outcome      text NOT NULL,              -- the data of its first result, as JSON
  batch_id     uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (user_id, id)
);
