-- For the scrapers of /metrics, which shall read nothing else.
ALTER TABLE api_keys
  DROP CONSTRAINT api_keys_scopes_check,
  ADD CONSTRAINT api_keys_scopes_check CHECK (
    cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'funds:write', 'orders:write', 'house', 'metrics', 'admin']);
