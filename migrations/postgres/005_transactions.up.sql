-- Money that came, went, or passed from one user to another.
CREATE TABLE transactions (
  user_id    text COLLATE "C" NOT NULL,
  id         text COLLATE "C" NOT NULL,
  type       text COLLATE "C" NOT NULL CHECK (type IN ('deposit', 'withdrawal', 'transfer')),
  status     text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
  currency   text COLLATE "C" NOT NULL,
  amount     numeric NOT NULL CHECK (amount > 0),
  to_user_id text COLLATE "C",  -- of a transfer
  reference  text COLLATE "C",  -- the bank's or the chain's own name for it
  created_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, id)
);
