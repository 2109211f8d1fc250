-- When a process that knows its rule last judged an alert, and the state that the log and `onAlert` were last told.
ALTER TABLE alerts
  ADD COLUMN judged_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN told_state text COLLATE "C" CHECK (told_state IN ('firing', 'resolved'));

UPDATE alerts SET told_state = state WHERE state <> 'pending';
