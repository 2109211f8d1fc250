-- Who may call the HTTP service. A key reads pincex_<id>_<secret>; of the secret there is only a hash here.
CREATE TABLE api_keys (
  id          text COLLATE "C" PRIMARY KEY,  -- the public part of the key
  -- SHA-256 of the secret. Slow hashes are for passwords, which can be guessed; the secret is 256 random bits.
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  name        text NOT NULL,                 -- what people know it by
  scopes      text[] NOT NULL
              CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'funds:write', 'orders:write', 'admin']),
  rate_limit  integer CHECK (rate_limit > 0),  -- items a second; null: that of the service
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz,
  revoked_at  timestamptz
);
