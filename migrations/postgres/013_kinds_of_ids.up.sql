-- Ids become unique for a user and a kind of thing: a deposit 3 and an order 3 of one user are two things.
ALTER TABLE operations ADD COLUMN kind text COLLATE "C";

UPDATE operations SET kind = CASE
  WHEN type IN ('deposit', 'withdraw', 'transfer') THEN 'transaction'
  WHEN type IN ('createOrder', 'placeOrder') THEN 'order'
  WHEN type IN ('cancelOrder', 'updateOrderStatus', 'expireOrder') THEN 'order_change'
  WHEN type = 'settleTrade' THEN 'trade'
  ELSE 'funds'
END;

ALTER TABLE operations
  ALTER COLUMN kind SET NOT NULL,
  DROP CONSTRAINT operations_pkey;
ALTER TABLE operations ADD PRIMARY KEY (user_id, kind, id);
