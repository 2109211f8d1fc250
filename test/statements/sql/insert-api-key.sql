PREPARE "insert-api-key" AS
INSERT INTO api_keys AS k
      (id, secret_hash, name, scopes, rate_limit, expires_at, users, user_prefix, markets, addresses)
    VALUES ($1, decode($2, 'hex'), $3, $4::text[], $5::integer, $6::timestamptz,
      $7::text[], $8, $9::text[], $10::text[])
    RETURNING
      k.id, k.name, to_json(k.scopes) AS scopes, k.rate_limit, k.created_at, k.expires_at, k.revoked_at,
      to_json(k.users) AS users, k.user_prefix, to_json(k.markets) AS markets, to_json(k.addresses) AS addresses,
      k.is_first;
