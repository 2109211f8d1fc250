import { expect, it, onTestFinished } from 'vitest';
import { limits } from '../../src/index.ts';
import { expectApplied, funds, newUser, openBooks, useBooks } from '../support/books.ts';

/** Expired holds and orders are returned once, by whichever process comes first. */

const books = useBooks();
const PAST = '2020-01-01T00:00:00Z';
const FUTURE = '2999-01-01T00:00:00Z';

const lock = (userId: string, id: string, expiresAt: string | null, orderId = `o-${id}`) => ({
  id,
  userId,
  currency: 'USD',
  amount: '10',
  orderId,
  expiresAt,
});
const order = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '1', price: '10' } as const;

it('a sweep returns an expired hold, and keeps one that expires later or never', async () => {
  const userId = await newUser(books.pincex, { USD: '100' });
  const locks = [lock(userId, 'past', PAST), lock(userId, 'future', FUTURE), lock(userId, 'forever', null)];
  expectApplied(await books.pincex.bookkeeper.batchLockFunds(locks));
  expect(await books.pincex.sweepExpired()).toEqual({ expiredOrders: 0, expiredHolds: 1, broken: [] });
  expect(await funds(books.pincex, userId, 'USD')).toBe('80 / 20');
  expect(await books.pincex.sweepExpired()).toEqual({ expiredOrders: 0, expiredHolds: 0, broken: [] });
});

it('a later lock for the same hold replaces its expiry time', async () => {
  const userId = await newUser(books.pincex, { USD: '100' });
  expectApplied(await books.pincex.bookkeeper.batchLockFunds([lock(userId, 'a', PAST, 'o')]));
  expectApplied(await books.pincex.bookkeeper.batchLockFunds([lock(userId, 'b', FUTURE, 'o')]));
  expect(await books.pincex.sweepExpired()).toEqual({ expiredOrders: 0, expiredHolds: 0, broken: [] });
  expect(await funds(books.pincex, userId, 'USD')).toBe('80 / 20');
});

it('a sweep ends an expired order and returns its funds, and keeps one that expires later or never', async () => {
  const userId = await newUser(books.pincex, { USD: '100', BTC: '5' });
  expectApplied(
    await books.pincex.trading.batchPlaceOrders([
      { ...order, id: `${userId}-1`, userId, timeInForce: 'gtd', expiresAt: PAST },
      { ...order, id: `${userId}-2`, userId, timeInForce: 'gtd', expiresAt: FUTURE },
      { ...order, id: `${userId}-3`, userId, side: 'sell', timeInForce: 'day', expiresAt: PAST },
      { ...order, id: `${userId}-4`, userId },
    ]),
  );
  expect(await books.pincex.sweepExpired()).toEqual({ expiredOrders: 2, expiredHolds: 0, broken: [] });
  const orders = await books.pincex.trading.batchGetOrdersByIds([1, 2, 3, 4].map((n) => `${userId}-${n}`));
  expect(orders.map((found) => found!.status)).toEqual(['expired', 'open', 'expired', 'open']);
  expect(await funds(books.pincex, userId, 'USD')).toBe('80 / 20');
  expect(await funds(books.pincex, userId, 'BTC')).toBe('5 / 0');
});

it('a sweep leaves a filled or cancelled order as it is', async () => {
  const userId = await newUser(books.pincex, { USD: '100' });
  const expiring = { ...order, userId, timeInForce: 'gtd', expiresAt: PAST } as const;
  expectApplied(await books.pincex.trading.batchPlaceOrders([{ ...expiring, id: `${userId}-c` }]));
  expectApplied(await books.pincex.trading.batchCreateOrders([{ ...expiring, id: `${userId}-f` }]));
  expectApplied(
    await books.pincex.execute([
      { command: 'cancelOrder', id: 'c', userId, orderId: `${userId}-c` },
      { command: 'updateOrderStatus', id: 'f', userId, orderId: `${userId}-f`, status: 'filled' },
    ]),
  );
  expect(await books.pincex.sweepExpired()).toEqual({ expiredOrders: 0, expiredHolds: 0, broken: [] });
});

it('two concurrent sweepers return each of many holds and orders once', async () => {
  const count = limits.batches.sweepItems + 200;
  const userId = await newUser(books.pincex, { USD: String(20 * count) });
  const others = await Promise.all([openBooks(books.url), openBooks(books.url)]);
  onTestFinished(async () => {
    for (const other of others) await other.close();
  });
  const all = Array.from({ length: count }, (_, i) => `x${i}`);
  expectApplied(await books.pincex.bookkeeper.batchLockFunds(all.map((id) => lock(userId, id, PAST))));
  expectApplied(
    await books.pincex.trading.batchPlaceOrders(
      all.map(
        (id) => ({ ...order, id: `${userId}-${id}`, userId, timeInForce: 'gtd', expiresAt: PAST }) as const,
      ),
    ),
  );
  const swept = await Promise.all(others.map((other) => other.sweepExpired()));
  // A sweeper that loses a conflict leaves the rest to the other; the next sweep finds what both left.
  swept.push(await books.pincex.sweepExpired());
  expect(swept.reduce((sum, { expiredHolds }) => sum + expiredHolds, 0)).toBe(count);
  expect(swept.reduce((sum, { expiredOrders }) => sum + expiredOrders, 0)).toBe(count);
  expect(await funds(books.pincex, userId, 'USD')).toBe(`${20 * count} / 0`);
  const [row] = await books.sql<{ entries: number }>(
    `SELECT count(*)::int AS entries FROM journal WHERE user_id = $1 AND operation_type LIKE 'expire%'`,
    [userId],
  );
  expect(row!.entries).toBe(2 * count);
});

it('a hold that is made again with a past expiry time is returned again', async () => {
  const userId = await newUser(books.pincex, { USD: '100' });
  for (const id of ['first', 'second']) {
    expectApplied(await books.pincex.bookkeeper.batchLockFunds([lock(userId, id, PAST, 'same order')]));
    expect(await books.pincex.sweepExpired()).toEqual({ expiredOrders: 0, expiredHolds: 1, broken: [] });
    expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
  }
});
