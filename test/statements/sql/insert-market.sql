PREPARE "insert-market" AS
INSERT INTO markets (symbol, base, quote, tick_size, lot_size, min_notional) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (symbol) DO NOTHING
    RETURNING symbol;
