-- What each running process counts about itself, for `pincex doctor`. Nothing depends on it: a process writes its row
-- every ten seconds, and rows that were not seen for a day are deleted by the next process that starts.
CREATE TABLE processes (
  id                 uuid PRIMARY KEY,
  started_at         timestamptz NOT NULL,
  seen_at            timestamptz NOT NULL,
  deadlocks_at_start bigint NOT NULL,  -- of the whole database, as PostgreSQL counted them then
  statistics         jsonb NOT NULL    -- ProcessStatistics in src/statistics/statistics.ts
);
