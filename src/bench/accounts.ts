import type { LockFunds, PlaceOrder } from '../index.ts';
import { OUTSIDE } from '../books/funds.ts';
import type { Draw } from './draw.ts';

/** The accounts that are measured on, and what is asked of them. */

export const ACCOUNTS = 100_000;
export const CURRENCY = 'USD';

/** Neighbours in rank are no neighbours in the index: the hot accounts of a Zipf draw share no page. */
export const userOf = (rank: number): string => `bench-${String((rank * 7_919) % ACCOUNTS).padStart(6, '0')}`;

/** Each account with the journal entry that it came from, and the outside world's that mirrors them all. */
export const SEED_ACCOUNTS = `
  WITH seeded AS (
    SELECT 'bench-' || lpad(n::text, 6, '0') AS user_id, '${CURRENCY}' AS currency, 1000000.00 AS available
    FROM generate_series(0, ${ACCOUNTS - 1}) AS n
    UNION ALL
    SELECT '${OUTSIDE}', '${CURRENCY}', -${ACCOUNTS} * 1000000.00
  ), inserted AS (
    INSERT INTO accounts (user_id, currency, available, version, created_at, updated_at)
    SELECT user_id, currency, available, 1, now(), now() FROM seeded
  )
  INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
    operation_id, operation_type, created_at)
  SELECT user_id, currency, 1, available, 0, available, 0, 'bench-seed', 'deposit', now() FROM seeded`;

let made = 0;
/** An id that no run on this database used before. */
export const newId = (): string => `${Date.now().toString(36)}-${(made++).toString(36)}`;

export function lockItems(count: number, draw: Draw): LockFunds[] {
  return Array.from({ length: count }, () => {
    const id = newId();
    return { id, userId: userOf(draw()), currency: CURRENCY, amount: '0.01', orderId: id };
  });
}

export function placeItems(count: number, draw: Draw): PlaceOrder[] {
  return Array.from({ length: count }, () => ({
    id: newId(),
    userId: userOf(draw()),
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '0.00001',
    price: '1000.00',
  }));
}
