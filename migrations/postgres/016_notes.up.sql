-- What a caller says of an item besides what it asks for, and who sent its batch; null where nothing was said. A journal
-- entry has the note of its operation beside it: the other side of a transfer is another user's, and so are the fees.
ALTER TABLE operations
  ADD COLUMN reason text,
  ADD COLUMN metadata json,
  ADD COLUMN actor text COLLATE "C";
ALTER TABLE journal
  ADD COLUMN reason text,
  ADD COLUMN metadata json;
