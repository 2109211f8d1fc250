ALTER TABLE journal DROP COLUMN reason, DROP COLUMN metadata;
ALTER TABLE operations DROP COLUMN reason, DROP COLUMN metadata, DROP COLUMN actor;
