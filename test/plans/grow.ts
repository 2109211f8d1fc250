import type pg from 'pg';

/** A user's id by its number. Ids grow with their numbers, so that rows are inserted in key order, which is quick. */
export const userOf = (n: number): string => `user-${String(n).padStart(7, '0')}`;

/**
 * Fills the tables with the rows of made-up users.
 *
 * @param users how many users have an account
 * @param traders how many of them, from the first one, also have orders and holds
 */
export async function grow(client: pg.Client, users: number, traders: number): Promise<void> {
  const user = (n: string): string => `'user-' || lpad((${n})::text, 7, '0')`;
  await client.query(`
    INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
    SELECT ${user('n')}, 'USD', 1000, CASE WHEN n < ${traders} THEN 20 ELSE 0 END, 1, now(), now()
    FROM generate_series(0, ${users - 1}) AS n;

    INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, price, time_in_force, placed, version,
      created_at, updated_at)
    SELECT ${user('n')}, kind || '-' || n, 'BTC/USD', 'buy', 'limit', 'open', 1, 10, 'gtc', kind = 'placed', 1,
      now(), now()
    FROM generate_series(0, ${traders - 1}) AS n CROSS JOIN unnest(ARRAY['placed', 'stored']) AS kind;

    INSERT INTO holds (user_id, order_id, currency, amount, placed, created_at)
    SELECT ${user('n')}, kind || '-' || n, 'USD', 10, kind = 'placed', now()
    FROM generate_series(0, ${traders - 1}) AS n CROSS JOIN unnest(ARRAY['placed', 'free']) AS kind;

    INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
      operation_id, operation_type, created_at)
    SELECT ${user('n')}, 'USD', 1, 1000, 0, 1000, 0, 'old-' || n, 'deposit', now()
    FROM generate_series(0, ${traders - 1}) AS n;

    INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, batch_id, created_at)
    SELECT ${user('n')}, 'transaction', 'old-' || n, 'deposit', 'hash', '{}', gen_random_uuid(), now()
    FROM generate_series(0, ${traders - 1}) AS n`);
}

/** Turns autovacuum off: it would analyze the tables by itself, and connections would throw their plans away. */
export async function leaveAlone(client: pg.Client): Promise<void> {
  for (const table of ['accounts', 'orders', 'holds', 'journal', 'operations', 'trades', 'transactions']) {
    await client.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
  }
}
