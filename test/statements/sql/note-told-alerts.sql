PREPARE "note-told-alerts" AS
UPDATE alerts AS a SET told_state = told.state
    FROM unnest($1::uuid[], $2::text[]) AS told (id, state)
    WHERE a.id = told.id;
