-- Where an id names things of two kinds there is no way back: one of them could happen twice.
DO $$
DECLARE
  twice record;
BEGIN
  SELECT user_id, id INTO twice FROM operations GROUP BY user_id, id HAVING count(*) > 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'id % of user % names things of several kinds, which only one key with the kind can tell apart',
      twice.id, twice.user_id;
  END IF;
END $$;

ALTER TABLE operations DROP CONSTRAINT operations_pkey;
ALTER TABLE operations ADD PRIMARY KEY (user_id, id);
ALTER TABLE operations DROP COLUMN kind;
