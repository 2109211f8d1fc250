-- Alerts that are pending, fire or were resolved. The process that holds the lease judges them, for all processes.
CREATE TABLE alerts (
  id              uuid PRIMARY KEY,
  rule            text COLLATE "C" NOT NULL,
  subject         text COLLATE "C" NOT NULL,  -- the check of the doctor; empty for rules that have one alert
  severity        text COLLATE "C" NOT NULL CHECK (severity IN ('error', 'warning')),
  state           text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
  message         text NOT NULL,
  pending_at      timestamptz NOT NULL,
  fired_at        timestamptz CHECK ((fired_at IS NULL) = (state = 'pending')),
  calm_at         timestamptz,  -- since when the condition of a firing alert no longer holds
  resolved_at     timestamptz CHECK ((resolved_at IS NOT NULL) = (state = 'resolved')),
  acknowledged_at timestamptz,
  acknowledged_by text CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);

-- A condition has one open alert.
CREATE UNIQUE INDEX alerts_open ON alerts (rule, subject) WHERE state <> 'resolved';

-- Events that the webhook has not taken yet. Those of one alert are sent in the order of `created_at`.
CREATE TABLE alert_deliveries (
  alert_id   uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
  event      text COLLATE "C" NOT NULL CHECK (event IN ('firing', 'resolved')),
  body       text NOT NULL,  -- as it is signed and sent
  created_at timestamptz NOT NULL DEFAULT now(),
  attempts   integer NOT NULL DEFAULT 0,
  next_at    timestamptz NOT NULL DEFAULT now(),  -- when it may be tried; in the future while a process tries it
  PRIMARY KEY (alert_id, event)
);

-- The process that judges and delivers. It renews the lease each time; once the lease is over, another process takes it.
CREATE TABLE alert_lease (
  only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  holder     uuid NOT NULL,
  held_until timestamptz NOT NULL
);

-- The last audit, whichever process made it.
CREATE TABLE last_audit (
  only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  made_at    timestamptz NOT NULL,
  findings   bigint NOT NULL,  -- rows at fault
  checks     text[] NOT NULL   -- the names of the checks that found them
);
