-- A key that has only this scope ends: any other scope would make it good for more than it was given for. A scope may stand
-- in the array several times.
UPDATE api_keys SET revoked_at = COALESCE(revoked_at, now()) WHERE scopes <@ ARRAY['metrics'];
UPDATE api_keys
SET scopes = CASE WHEN scopes <@ ARRAY['metrics'] THEN ARRAY['read'] ELSE array_remove(scopes, 'metrics') END
WHERE 'metrics' = ANY (scopes);
ALTER TABLE api_keys
  DROP CONSTRAINT api_keys_scopes_check,
  ADD CONSTRAINT api_keys_scopes_check CHECK (
    cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'funds:write', 'orders:write', 'house', 'admin']);
