ALTER TABLE orders DROP COLUMN opened_at;
