import type pg from 'pg';

/** Users who have an account, and the share of them who have orders and holds too. */
const USERS = 1_000_000;
const TRADERS = 100_000;

export const userOf = (n: number): string => `user-${n}`;

/** Fills the tables as if a million users had been here. */
export async function grow(client: pg.Client): Promise<void> {
  await client.query(`
    INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
    SELECT 'user-' || n, 'USD', 1000, CASE WHEN n < ${TRADERS} THEN 20 ELSE 0 END, 1, now(), now()
    FROM generate_series(0, ${USERS - 1}) AS n;

    INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, price, time_in_force, placed, version,
      created_at, updated_at)
    SELECT 'user-' || n % ${TRADERS}, kind || '-' || n % ${TRADERS}, 'BTC/USD', 'buy', 'limit', 'open', 1, 10, 'gtc',
      kind = 'placed', 1, now(), now()
    FROM generate_series(0, ${TRADERS - 1}) AS n CROSS JOIN unnest(ARRAY['placed', 'stored']) AS kind;

    INSERT INTO holds (user_id, order_id, currency, amount, placed, created_at)
    SELECT 'user-' || n, kind || '-' || n, 'USD', 10, kind = 'placed', now()
    FROM generate_series(0, ${TRADERS - 1}) AS n CROSS JOIN unnest(ARRAY['placed', 'free']) AS kind;

    INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
      operation_id, operation_type, created_at)
    SELECT 'user-' || n, 'USD', 1, 1000, 0, 1000, 0, 'old-' || n, 'deposit', now()
    FROM generate_series(0, ${TRADERS - 1}) AS n;

    INSERT INTO operations (user_id, id, type, content_hash, outcome, batch_id, created_at)
    SELECT 'user-' || n, 'old-' || n, 'deposit', 'hash', '{}', gen_random_uuid(), now()
    FROM generate_series(0, ${TRADERS - 1}) AS n`);
}
