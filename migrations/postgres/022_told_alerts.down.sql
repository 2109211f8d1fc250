ALTER TABLE alerts DROP COLUMN told_state, DROP COLUMN judged_at;
