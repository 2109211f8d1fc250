PREPARE "update-price-band" AS
UPDATE markets SET lowest_price = $2, highest_price = $3 WHERE symbol = $1;
