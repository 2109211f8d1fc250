-- What may be traded, and how exactly.

CREATE TABLE currencies (
  code       text COLLATE "C" PRIMARY KEY,
  scale      smallint NOT NULL CHECK (scale BETWEEN 0 AND 18),  -- decimals of an amount
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE markets (
  symbol     text COLLATE "C" PRIMARY KEY,
  base       text COLLATE "C" NOT NULL REFERENCES currencies (code),
  quote      text COLLATE "C" NOT NULL REFERENCES currencies (code),
  tick_size  numeric NOT NULL CHECK (tick_size > 0),  -- prices are multiples of it
  lot_size   numeric NOT NULL CHECK (lot_size > 0),   -- quantities are multiples of it
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (base <> quote)
);

INSERT INTO currencies (code, scale) VALUES
  ('ADA', 6), ('AUD', 2), ('AVAX', 18), ('BCH', 8), ('BNB', 18), ('BTC', 8), ('CAD', 2), ('CHF', 2),
  ('DAI', 18), ('DOGE', 8), ('DOT', 10), ('ETH', 18), ('EUR', 2), ('GBP', 2), ('JPY', 0), ('LINK', 18),
  ('LTC', 8), ('SOL', 9), ('TRX', 6), ('USD', 2), ('USDC', 6), ('USDT', 6), ('XRP', 6);

INSERT INTO markets (symbol, base, quote, tick_size, lot_size) VALUES
  ('BTC/USD',  'BTC',  'USD',  0.01,    0.00000001),
  ('BTC/EUR',  'BTC',  'EUR',  0.01,    0.00000001),
  ('BTC/USDT', 'BTC',  'USDT', 0.01,    0.00000001),
  ('ETH/USD',  'ETH',  'USD',  0.01,    0.00000001),
  ('ETH/EUR',  'ETH',  'EUR',  0.01,    0.00000001),
  ('ETH/USDT', 'ETH',  'USDT', 0.01,    0.00000001),
  ('ETH/BTC',  'ETH',  'BTC',  0.00001, 0.0001),
  ('LTC/USD',  'LTC',  'USD',  0.01,    0.00000001),
  ('LTC/BTC',  'LTC',  'BTC',  0.000001, 0.001),
  ('SOL/USD',  'SOL',  'USD',  0.01,    0.000001),
  ('XRP/USD',  'XRP',  'USD',  0.0001,  0.000001),
  ('ADA/USD',  'ADA',  'USD',  0.0001,  0.000001),
  ('DOGE/USD', 'DOGE', 'USD',  0.00001, 0.00000001),
  ('USDT/USD', 'USDT', 'USD',  0.0001,  0.01),
  ('USDC/USD', 'USDC', 'USD',  0.0001,  0.01),
  ('EUR/USD',  'EUR',  'USD',  0.0001,  0.01);
