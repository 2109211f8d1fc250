PREPARE "note-audit" AS
INSERT INTO last_audit (made_at, findings, checks)
    VALUES (now(), $1::bigint, $2::text[])
    ON CONFLICT (only_one) DO UPDATE
      SET made_at = excluded.made_at, findings = excluded.findings, checks = excluded.checks;
