-- One row for every call that writes over HTTP: what was asked under which key, and how it ended. It is there before the
-- batch begins, so that the outcome of a batch can be told whatever becomes of the call or of the process that ran it.
CREATE TABLE requests (
  batch_id        uuid PRIMARY KEY,
  caller          text COLLATE "C" NOT NULL,  -- the id of an API key
  route           text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C",           -- null: the call had none
  content_hash    text COLLATE "C" NOT NULL,  -- of route and body as they came: tells the same call from another
  items           text NOT NULL,     -- JSON, a [user_id, id] of each item or null: where its row in operations would be
  run_id          uuid NOT NULL,     -- who runs it; whoever takes it over puts an id of its own here
  lease_until     timestamptz NOT NULL,  -- renewed while it runs; once it is over, another may take it over
  status          smallint,          -- of the HTTP answer; null while it runs, or where it never ended
  body            text,              -- the answer as it was sent
  created_at      timestamptz NOT NULL,
  finished_at     timestamptz,
  expires_at      timestamptz NOT NULL
) WITH (fillfactor = 80);  -- room for the answer's HOT update: no index holds a column that it changes

CREATE UNIQUE INDEX requests_key ON requests (caller, route, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX requests_expiry ON requests (expires_at);
