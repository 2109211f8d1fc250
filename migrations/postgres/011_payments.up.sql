-- Payments are rounded once for each buy order: what it has paid is always the value of what it has filled, rounded up to
-- the unit of quote. Before this migration each fill was rounded down by itself, so that one worth less than a unit was
-- free; the audit tells trades of then by their time.
--
-- The least value of an order, in quote, keeps that unit small against what is traded. Zero: none.
ALTER TABLE markets ADD COLUMN min_notional numeric NOT NULL DEFAULT 0 CHECK (min_notional >= 0);

UPDATE markets SET min_notional = 1 WHERE quote IN ('USD', 'EUR', 'USDT');
UPDATE markets SET min_notional = 0.0001 WHERE quote = 'BTC';
