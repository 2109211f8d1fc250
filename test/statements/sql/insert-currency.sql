PREPARE "insert-currency" AS
INSERT INTO currencies (code, scale) VALUES ($1, $2)
    ON CONFLICT (code) DO UPDATE SET scale = currencies.scale
    RETURNING scale;
