-- Without its bounds a key would be good for more than it was given for: it ends instead.
UPDATE api_keys SET revoked_at = COALESCE(revoked_at, now())
WHERE num_nonnulls(users, user_prefix, markets, addresses) > 0 OR scopes = ARRAY['house'];
UPDATE api_keys SET scopes = CASE scopes WHEN ARRAY['house'] THEN ARRAY['read'] ELSE array_remove(scopes, 'house') END
WHERE 'house' = ANY (scopes);
ALTER TABLE api_keys
  DROP COLUMN users,
  DROP COLUMN user_prefix,
  DROP COLUMN markets,
  DROP COLUMN addresses,
  DROP COLUMN is_first,
  DROP CONSTRAINT api_keys_scopes_check,
  ADD CONSTRAINT api_keys_scopes_check CHECK (
    cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'funds:write', 'orders:write', 'admin']);
ALTER TABLE markets DROP COLUMN lowest_price, DROP COLUMN highest_price;
