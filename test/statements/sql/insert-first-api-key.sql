PREPARE "insert-first-api-key" AS
INSERT INTO api_keys AS k (id, secret_hash, name, scopes, is_first)
    SELECT $1, decode($2, 'hex'), $3, $4::text[], true
    WHERE NOT EXISTS (SELECT FROM api_keys)
    ON CONFLICT (is_first) DO NOTHING
    RETURNING
      k.id, k.name, to_json(k.scopes) AS scopes, k.rate_limit, k.created_at, k.expires_at, k.revoked_at,
      to_json(k.users) AS users, k.user_prefix, to_json(k.markets) AS markets, to_json(k.addresses) AS addresses,
      k.is_first;
