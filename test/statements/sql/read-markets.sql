PREPARE "read-markets" AS
SELECT symbol, base, quote, tick_size, lot_size, min_notional, lowest_price, highest_price
    FROM markets ORDER BY symbol;
