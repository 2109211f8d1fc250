-- A batch id belongs to the API key that gave it: two of them may give the same one.
ALTER TABLE requests DROP CONSTRAINT requests_pkey;
ALTER TABLE requests ADD PRIMARY KEY (batch_id, caller);

-- Compressed by the service where they are long, which so knows what they take: gzip begins with 1f 8b, as no text does.
-- The old rows stay as PostgreSQL compressed them until they expire.
ALTER TABLE requests
  ALTER COLUMN items DROP NOT NULL,  -- null: it has its answer
  ALTER COLUMN items TYPE bytea USING CASE WHEN status IS NULL THEN convert_to(items, 'UTF8') END,
  ALTER COLUMN body TYPE bytea USING convert_to(body, 'UTF8');
ALTER TABLE requests ALTER COLUMN items SET STORAGE EXTERNAL, ALTER COLUMN body SET STORAGE EXTERNAL;

-- What the answers take that are kept for each API key, as each process counted it: hours, by when all of them has expired.
CREATE TABLE request_usage (
  caller     text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL,
  process_id uuid NOT NULL,
  bytes      bigint NOT NULL,  -- less than none where answers took the place of larger items
  PRIMARY KEY (caller, expires_at, process_id)
) WITH (fillfactor = 50);  -- each of the latest hour is written again and again: HOT

INSERT INTO request_usage
SELECT caller, date_trunc('hour', expires_at) + interval '1 hour', '00000000-0000-0000-0000-000000000000',
  sum(512 + coalesce(pg_column_size(body), 0) + coalesce(pg_column_size(items), 0))
FROM requests
GROUP BY 1, 2;
