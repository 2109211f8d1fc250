PREPARE "list-api-keys" AS
SELECT
      k.id, k.name, to_json(k.scopes) AS scopes, k.rate_limit, k.created_at, k.expires_at, k.revoked_at,
      to_json(k.users) AS users, k.user_prefix, to_json(k.markets) AS markets, to_json(k.addresses) AS addresses,
      k.is_first
    FROM api_keys k
    ORDER BY k.created_at, k.id;
