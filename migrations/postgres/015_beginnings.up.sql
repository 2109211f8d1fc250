-- When money of a currency first came in: one row for each account of the outside world, made with it. Books that were
-- emptied are told by it from books that never were. Nobody changes it: the trigger is on no batch's way, which only adds.
CREATE TABLE beginnings (
  currency text COLLATE "C" PRIMARY KEY,
  began_at timestamptz NOT NULL  -- created_at of the account
);

INSERT INTO beginnings SELECT currency, created_at FROM accounts WHERE user_id = '@outside';

CREATE FUNCTION refuse_beginnings_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'beginnings is append-only: it tells that there were books' USING
    HINT = 'For books that begin anew, make a new database.';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON beginnings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_beginnings_change();
