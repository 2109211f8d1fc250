-- What a key may touch, and where from; null: anything, and anywhere. docs/http.md says what each of them binds.
ALTER TABLE api_keys
  ADD COLUMN users text[] CHECK (cardinality(users) > 0),
  ADD COLUMN user_prefix text COLLATE "C" CHECK (user_prefix <> ''),
  ADD COLUMN markets text[] CHECK (cardinality(markets) > 0),
  ADD COLUMN addresses text[] CHECK (cardinality(addresses) > 0),
  -- Of the key that the first start made, which once had an id that everybody knew; null of all others.
  ADD COLUMN is_first boolean CHECK (is_first),
  DROP CONSTRAINT api_keys_scopes_check,
  ADD CONSTRAINT api_keys_scopes_check CHECK (
    cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'funds:write', 'orders:write', 'house', 'admin']);
UPDATE api_keys SET is_first = true WHERE id = '0000000000000001';
-- Of any number of processes that start at the same time one makes the first key.
CREATE UNIQUE INDEX api_keys_first ON api_keys (is_first);

-- The prices at which trades may be settled; null: any.
ALTER TABLE markets
  ADD COLUMN lowest_price numeric CHECK (lowest_price > 0),
  ADD COLUMN highest_price numeric CHECK (highest_price >= lowest_price),
  ADD CONSTRAINT markets_price_band_check CHECK ((lowest_price IS NULL) = (highest_price IS NULL));
