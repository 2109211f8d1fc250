PREPARE "find-api-keys" AS
/*+ IndexScan(k api_keys_pkey) */

    SELECT
      k.id, k.name, to_json(k.scopes) AS scopes, k.rate_limit, k.created_at, k.expires_at, k.revoked_at,
      to_json(k.users) AS users, k.user_prefix, to_json(k.markets) AS markets, to_json(k.addresses) AS addresses,
      k.is_first, encode(k.secret_hash, 'hex') AS secret_hash
    FROM api_keys k
    WHERE k.id = ANY ($1::text[]);
