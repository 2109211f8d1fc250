PREPARE "revoke-api-key" AS
/*+ IndexScan(k api_keys_pkey) */

    UPDATE api_keys AS k SET revoked_at = COALESCE(k.revoked_at, now())
    WHERE k.id = $1
    RETURNING
      k.id, k.name, to_json(k.scopes) AS scopes, k.rate_limit, k.created_at, k.expires_at, k.revoked_at,
      to_json(k.users) AS users, k.user_prefix, to_json(k.markets) AS markets, to_json(k.addresses) AS addresses,
      k.is_first;
