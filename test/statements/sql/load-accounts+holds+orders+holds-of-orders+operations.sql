PREPARE "load:accounts+holds+orders+holds-of-orders+operations" AS
/*+ IndexScan(a accounts_pkey) Rows(k a #100) IndexScan(h holds_pkey) Rows(k h #100) IndexScan(o orders_pkey) Rows(k o #100) Rows(k h a #100) IndexScan(p operations_pkey) Rows(k p #100) */
SELECT (
  SELECT json_agg(json_build_array(k.n, a.place::text, a.version::text, a.available::text, a.locked::text))
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, currency, n)
  CROSS JOIN LATERAL (
    SELECT a.ctid AS place, * FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency OFFSET 0
  ) AS a) AS "accounts",
(
  SELECT json_agg(json_build_array(k.n, h.place::text, h.amount::text, h.placed, h.expires_at::text))
  FROM unnest($3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS k (user_id, order_id, currency, n)
  CROSS JOIN LATERAL (
    SELECT h.ctid AS place, * FROM holds h
    WHERE h.user_id = k.user_id AND h.order_id = k.order_id AND h.currency = k.currency
    OFFSET 0
  ) AS h) AS "holds",
(
  SELECT json_agg(json_build_array(k.n, o.place::text, o.symbol, o.side, o.type, o.quantity::text, o.price::text,
    o.hold_amount::text, o.placed, o.status, o.filled_quantity::text, o.filled_value::text,
    o.version::text))
  FROM unnest($6::text[], $7::text[]) WITH ORDINALITY AS k (user_id, id, n)
  CROSS JOIN LATERAL (
    SELECT o.ctid AS place, * FROM orders o WHERE o.user_id = k.user_id AND o.id = k.id OFFSET 0
  ) AS o) AS "orders",
(
  SELECT json_agg(json_build_array(k.n, h.currency, h.place::text, h.amount::text, h.placed, h.expires_at::text, a.place::text,
    a.version::text, a.available::text, a.locked::text))
  FROM unnest($8::text[], $9::text[]) WITH ORDINALITY AS k (user_id, order_id, n)
  CROSS JOIN LATERAL (
    SELECT h.ctid AS place, * FROM holds h WHERE h.user_id = k.user_id AND h.order_id = k.order_id OFFSET 0
  ) AS h
  LEFT JOIN LATERAL (
    SELECT a.ctid AS place, * FROM accounts a WHERE a.user_id = h.user_id AND a.currency = h.currency OFFSET 0
  ) AS a ON true) AS "holds-of-orders",
(
  SELECT json_agg(json_build_array(k.n, p.type, p.content_hash, p.outcome, p.batch_id, p.actor))
  FROM unnest($10::text[], $11::text[], $12::text[]) WITH ORDINALITY AS k (user_id, kind, id, n)
  CROSS JOIN LATERAL (
    SELECT * FROM operations p WHERE p.user_id = k.user_id AND p.kind = k.kind AND p.id = k.id OFFSET 0
  ) AS p) AS "operations";
