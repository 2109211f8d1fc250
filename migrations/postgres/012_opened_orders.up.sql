-- When an order that waited (a stop) came into the book, which is its place in time there. Null: when it was created.
ALTER TABLE orders ADD COLUMN opened_at timestamptz;
