PREPARE "update-min-notional" AS
UPDATE markets SET min_notional = $2 WHERE symbol = $1;
