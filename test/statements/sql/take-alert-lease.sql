PREPARE "take-alert-lease" AS
INSERT INTO alert_lease AS l (holder, held_until)
    VALUES ($1::uuid, now() + $2::interval)
    ON CONFLICT (only_one) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
    WHERE l.holder = excluded.holder OR l.held_until <= now()
    RETURNING (extract(epoch FROM now()) * 1000)::float8 AS now;
