import { afterEach, describe, expect, it } from 'vitest';
import type { MixedItem, Strategy } from '../../src/index.ts';
import { expectApplied, fresh, funds, newUser, openBooks, outcomes, useBooks } from '../support/books.ts';

/** A row that foreign SQL broke fails the items that touch it, with its name in the message, and no others. */

const books = useBooks({}, { audited: false });

/** Set by a test: SQL that repairs its broken rows, so that no later test meets them. */
let mend: string | undefined;
afterEach(async () => {
  if (mend !== undefined) await books.sql(mend);
  mend = undefined;
});

const limit = { symbol: 'BTC/USD', type: 'limit', quantity: '2', price: '10' } as const;
const deposit = (userId: string, id = fresh('d'), currency = 'USD') =>
  ({ command: 'deposit', id, userId, currency, amount: '1' }) as const;
const lock = (userId: string, orderId: string) =>
  ({ command: 'lockFunds', id: fresh('l'), userId, currency: 'USD', amount: '1', orderId }) as const;
const cancel = (userId: string, orderId: string) =>
  ({ command: 'cancelOrder', id: fresh('c'), userId, orderId }) as const;
const place = (userId: string, id: string, side: 'buy' | 'sell' = 'buy') =>
  ({ ...limit, command: 'placeOrder', id, userId, side }) as const;
const trade = (buyUserId: string, sellUserId: string, id = fresh('t')) =>
  ({
    command: 'settleTrade',
    id,
    symbol: 'BTC/USD',
    price: '10',
    quantity: '1',
    buyUserId,
    buyOrderId: 'buy',
    sellUserId,
    sellOrderId: 'sell',
    takerSide: 'buy',
  }) as const;

/** A user with money, a free hold, and an order of each side. */
async function user(): Promise<string> {
  const userId = await newUser(books.pincex, { USD: '100', BTC: '100' });
  expectApplied(
    await books.pincex.execute([lock(userId, 'free'), place(userId, 'buy'), place(userId, 'sell', 'sell')]),
  );
  return userId;
}

interface Breaking {
  /** Foreign SQL, with USER for the id of the user. */
  readonly sql: string;
  /** A part of the message that names the row, with USER for the id of the user. */
  readonly problem: string;
  /** Items of the user that touch the row; the message of one of them contains `problem`. */
  readonly touching: (userId: string) => readonly MixedItem[];
  /** Items of the user that do not touch the row. */
  readonly others: (userId: string) => readonly MixedItem[];
}

const BREAKINGS: Readonly<Record<string, Breaking>> = {
  'an account with more decimals than its currency': {
    sql: `UPDATE accounts SET available = available + 0.001 WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'account USER USD is broken: The stored amount 79.001 has more decimals than its currency (2)',
    touching: (userId) => [deposit(userId), lock(userId, 'new'), cancel(userId, 'buy')],
    others: (userId) => [deposit(userId, fresh('d'), 'BTC'), cancel(userId, 'sell')],
  },
  'an account whose amount is NaN': {
    sql: `UPDATE accounts SET available = 'NaN' WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'account USER USD is broken: The stored amount NaN is no number',
    touching: (userId) => [deposit(userId)],
    others: (userId) => [deposit(userId, fresh('d'), 'EUR')],
  },
  'an account with less locked than its holds have': {
    sql: `UPDATE accounts SET locked = 5 WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'hold USER buy USD is broken: account USER USD has less locked than its holds have',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [deposit(userId), lock(userId, 'free'), cancel(userId, 'sell')],
  },
  'a hold with more than its account has locked': {
    sql: `UPDATE holds SET amount = 50 WHERE user_id = 'USER' AND order_id = 'free'`,
    problem: 'hold USER free USD is broken: account USER USD has less locked than its holds have',
    touching: (userId) => [
      { ...lock(userId, 'free'), command: 'unlockFunds', amount: '40' },
      lock(userId, 'free'),
    ],
    others: (userId) => [deposit(userId), lock(userId, 'new')],
  },
  'a hold with less than its placed order needs': {
    sql: `UPDATE holds SET amount = 4 WHERE user_id = 'USER' AND order_id = 'buy'`,
    problem: 'hold USER buy USD is broken: it has 4, and its order needs 20',
    touching: (userId) => [cancel(userId, 'buy'), trade(userId, userId)],
    others: (userId) => [deposit(userId), lock(userId, 'free'), cancel(userId, 'sell')],
  },
  'a hold with more than its placed order needs': {
    sql: `UPDATE holds SET amount = amount + 0.01 WHERE user_id = 'USER' AND order_id = 'buy';
      UPDATE accounts SET locked = locked + 0.01 WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'hold USER buy USD is broken: it has 20.01, and its order needs 20',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'a missing hold of a placed order': {
    sql: `DELETE FROM holds WHERE user_id = 'USER' AND order_id = 'sell'`,
    problem: 'hold USER sell BTC is broken: it has 0, and its order needs 2',
    touching: (userId) => [cancel(userId, 'sell')],
    others: (userId) => [cancel(userId, 'buy')],
  },
  'a hold of a placed order that is marked as not placed': {
    sql: `UPDATE holds SET placed = false WHERE user_id = 'USER' AND order_id = 'sell'`,
    problem: 'hold USER sell BTC is broken: its order was placed, and it was not',
    touching: (userId) => [cancel(userId, 'sell')],
    others: (userId) => [cancel(userId, 'buy')],
  },
  'a placed hold whose order is marked as not placed': {
    sql: `UPDATE orders SET placed = false WHERE user_id = 'USER' AND id = 'sell'`,
    problem: 'hold USER sell BTC is broken: it was placed, and its order was not',
    touching: (userId) => [cancel(userId, 'sell')],
    others: (userId) => [cancel(userId, 'buy')],
  },
  'a placed order whose price does not fit its hold': {
    sql: `UPDATE orders SET price = 11 WHERE user_id = 'USER' AND id = 'buy'`,
    problem: 'hold USER buy USD is broken: it has 20, and its order needs 22',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'an account with a version below zero': {
    sql: `UPDATE accounts SET version = -5 WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'account USER USD is broken: version -5 is not one from 0 to 2^52',
    touching: (userId) => [deposit(userId), cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'an account with a version beyond 2^53': {
    sql: `UPDATE accounts SET version = 9007199254740993 WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'account USER USD is broken: version 9007199254740993 is not one from 0 to 2^52',
    touching: (userId) => [deposit(userId), cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'an account with the largest bigint as its version': {
    sql: `UPDATE accounts SET version = 9223372036854775807 WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'account USER USD is broken: version 9223372036854775807 is not one from 0 to 2^52',
    touching: (userId) => [deposit(userId), cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'an order with version 0': {
    sql: `UPDATE orders SET version = 0 WHERE user_id = 'USER' AND id = 'buy'`,
    problem: 'order USER buy is broken: version 0 is not one from 1 to 2^52',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'an order with a version beyond 2^53': {
    sql: `UPDATE orders SET version = 9007199254740993 WHERE user_id = 'USER' AND id = 'buy'`,
    problem: 'order USER buy is broken: version 9007199254740993 is not one from 1 to 2^52',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'a hold without an account': {
    sql: `DELETE FROM accounts WHERE user_id = 'USER' AND currency = 'BTC'`,
    problem: 'hold USER sell BTC is broken: account USER BTC has less locked than its holds have',
    touching: (userId) => [cancel(userId, 'sell')],
    others: (userId) => [cancel(userId, 'buy')],
  },
  'a hold with more decimals than its currency': {
    sql: `UPDATE holds SET amount = 1.001 WHERE user_id = 'USER' AND order_id = 'free'`,
    problem: 'hold USER free USD is broken: The stored amount 1.001 has more decimals than its currency (2)',
    touching: (userId) => [lock(userId, 'free')],
    others: (userId) => [deposit(userId), lock(userId, 'new')],
  },
  'a hold that expires at infinity': {
    sql: `UPDATE holds SET expires_at = 'infinity' WHERE user_id = 'USER' AND order_id = 'free'`,
    problem: 'hold USER free USD is broken: expires_at infinity is not a time that an item can have',
    touching: (userId) => [lock(userId, 'free')],
    others: (userId) => [lock(userId, 'new')],
  },
  'a hold of an unknown currency': {
    sql: `INSERT INTO holds VALUES ('USER', 'buy', 'NOPE', 1, false, null, now())`,
    problem: 'hold USER buy NOPE is broken: A stored row is of NOPE, which is no currency',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell'), deposit(userId)],
  },
  'an order with more decimals than its market': {
    sql: `UPDATE orders SET quantity = quantity + 1e-19 WHERE user_id = 'USER' AND id = 'buy'`,
    problem: 'order USER buy is broken: The stored amount 2.0000000000000000001 has more decimals',
    touching: (userId) => [
      cancel(userId, 'buy'),
      { command: 'updateOrderStatus', id: fresh('u'), userId, orderId: 'buy', status: 'open' },
    ],
    others: (userId) => [cancel(userId, 'sell'), deposit(userId)],
  },
  'an order of an unknown market': {
    sql: `UPDATE orders SET symbol = 'NO/PE' WHERE user_id = 'USER' AND id = 'buy'`,
    problem: 'order USER buy is broken: A stored row is of NO/PE, which is no market',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'an order with a negative filled value': {
    sql: `UPDATE orders SET filled_value = -1 WHERE user_id = 'USER' AND id = 'buy'`,
    problem: 'order USER buy is broken: filled_value -1 is below zero',
    touching: (userId) => [cancel(userId, 'buy')],
    others: (userId) => [cancel(userId, 'sell')],
  },
  'an account that is behind its journal': {
    sql: `UPDATE accounts SET version = version - 1 WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'account USER USD is broken: it is at version 2, and its journal goes on to 3',
    touching: (userId) => [deposit(userId), cancel(userId, 'buy')],
    others: (userId) => [deposit(userId, fresh('d'), 'BTC'), cancel(userId, 'sell')],
  },
  'a missing account with a journal': {
    sql: `DELETE FROM accounts WHERE user_id = 'USER' AND currency = 'USD'`,
    problem: 'account USER USD is broken: it is at version 0, and its journal goes on to 3',
    touching: (userId) => [deposit(userId)],
    others: (userId) => [deposit(userId, fresh('d'), 'BTC')],
  },
  'the transaction of an operation that was deleted': {
    sql: `DELETE FROM operations WHERE user_id = 'USER' AND id = 'funds-USD'`,
    problem: 'transaction USER funds-USD is broken: it is there, and the operation that made it is not',
    touching: (userId) => [deposit(userId, 'funds-USD')],
    others: (userId) => [deposit(userId), deposit(userId, 'funds-EUR', 'EUR')],
  },
  'an operation whose outcome was changed': {
    sql: `UPDATE operations SET outcome = 'gone' WHERE user_id = 'USER' AND id = 'funds-USD'`,
    problem: 'operation USER funds-USD is broken: its outcome is no JSON',
    touching: (userId) => [{ ...deposit(userId, 'funds-USD'), amount: '100' }],
    others: (userId) => [deposit(userId)],
  },
};

describe.each(Object.entries(BREAKINGS))('%s', (_, { sql, problem, touching, others }) => {
  it.each<Strategy>(['auto', 'guard', 'lock'])(
    'a broken row fails the items that touch it, and no others (strategy %s)',
    async (strategy) => {
      const pincex = await openBooks(books.url, { strategy });
      try {
        const [userId, peer] = [await user(), await user()];
        await books.sql(sql.replaceAll('USER', userId));
        const [broken, fine] = [touching(userId), [...others(userId), deposit(peer), cancel(peer, 'buy')]];
        const batch = await pincex.execute([...fine, ...broken, deposit(peer)]);
        expect(outcomes(batch)).toEqual([
          ...fine.map(() => 'applied'),
          ...broken.map(() => 'broken_row'),
          'applied',
        ]);
        const errors = [...batch.failedItems.values()];
        expect(errors.map(({ retryable }) => retryable)).toEqual(broken.map(() => false));
        expect(errors.map(({ message }) => message)).toContainEqual(
          expect.stringContaining(problem.replaceAll('USER', userId)),
        );
        expect(await funds(pincex, peer, 'USD')).toBe('101 / 1');
      } finally {
        await pincex.close();
      }
    },
  );

  it('a broken row fails the group that touches it, and the caller’s transaction may go on', async () => {
    const [userId, peer] = [await user(), await user()];
    await books.sql(sql.replaceAll('USER', userId));
    const batch = await books.pincex.transaction((tx) =>
      tx.execute([{ ...deposit(peer), group: 'g' }, { ...touching(userId)[0]!, group: 'g' }, deposit(peer)]),
    );
    expect(outcomes(batch)).toEqual(['group_failed', 'broken_row', 'applied']);
  });
});

it('a trade whose operations were deleted is not settled again', async () => {
  const [buyer, seller] = [await user(), await user()];
  const traded = trade(buyer, seller);
  expectApplied(await books.pincex.execute([traded]));
  await books.sql('DELETE FROM operations WHERE id = $1', [traded.id]);
  const batch = await books.pincex.execute([traded, trade(buyer, seller), deposit(buyer)]);
  expect(outcomes(batch)).toEqual(['broken_row', 'applied', 'applied']);
  expect(batch.failedItems.get(0)?.message).toMatch(
    new RegExp(`trade (${buyer}|${seller}) ${traded.id} is broken`),
  );
  expect(await funds(books.pincex, buyer, 'BTC')).toBe('100 / 2');
});

it('two holds that exceed their account only together fail the items that touch either, and no others', async () => {
  const userId = await user();
  await books.sql(`UPDATE holds SET amount = 15 WHERE user_id = $1 AND currency = 'USD'`, [userId]);
  const items = [lock(userId, 'free'), cancel(userId, 'buy'), lock(userId, 'new'), cancel(userId, 'sell')];
  const batch = await books.pincex.execute(items);
  expect(outcomes(batch)).toEqual(['broken_row', 'broken_row', 'applied', 'applied']);
});

it('an applied item is replayed, also when its rows were broken since', async () => {
  const userId = await user();
  const item = deposit(userId);
  expectApplied(await books.pincex.execute([item]));
  await books.sql(`UPDATE accounts SET available = 'NaN' WHERE user_id = $1`, [userId]);
  expect(outcomes(await books.pincex.execute([item, deposit(userId)]))).toEqual(['replayed', 'broken_row']);
});

it('a settlement with one broken account changes neither side', async () => {
  const [buyer, seller] = [await user(), await user()];
  await books.sql(`UPDATE accounts SET available = 0.001 WHERE user_id = $1 AND currency = 'USD'`, [seller]);
  const batch = await books.pincex.execute([trade(buyer, seller), deposit(buyer)]);
  expect(outcomes(batch)).toEqual(['broken_row', 'applied']);
  expect(await funds(books.pincex, buyer, 'USD')).toBe('80 / 21');
  const orders = await books.sql('SELECT status FROM orders WHERE user_id = ANY ($1)', [[buyer, seller]]);
  expect(orders.map(({ status }) => String(status))).toEqual(['open', 'open', 'open', 'open']);
});

it('a sweep expires the sound rows and names the broken ones', async () => {
  const [broken, fine] = [await user(), await user()];
  const expiresAt = '2020-01-01T00:00:00.000Z';
  const users = [broken, fine];
  expectApplied(await books.pincex.execute(users.map((userId) => ({ ...lock(userId, 'free'), expiresAt }))));
  await books.sql(`UPDATE orders SET expires_at = $2 WHERE id = 'sell' AND user_id = ANY ($1)`, [
    users,
    expiresAt,
  ]);
  await books.sql(`UPDATE accounts SET available = 0.001 WHERE user_id = $1 AND currency = 'USD'`, [broken]);
  await books.sql(`UPDATE orders SET symbol = 'NO/PE' WHERE user_id = $1 AND id = 'sell'`, [broken]);
  await books.sql(`INSERT INTO holds VALUES ($1, 'x', 'NOPE', 1, false, $2, now())`, [broken, expiresAt]);
  mend = `DELETE FROM holds WHERE user_id = '${broken}'; DELETE FROM orders WHERE user_id = '${broken}'`;
  for (const expired of [1, 0]) {
    const swept = await books.pincex.sweepExpired();
    expect(swept).toMatchObject({ expiredOrders: expired, expiredHolds: expired });
    expect(swept.broken.map(({ problem }) => problem).sort()).toEqual([
      expect.stringMatching(`^account ${broken} USD is broken: The stored amount 0.001 has more decimals`),
      expect.stringMatching(`^hold ${broken} x NOPE is broken: NOPE is no currency`),
      expect.stringMatching(`^order ${broken} sell is broken: .*NO/PE`),
    ]);
  }
  expect(await funds(books.pincex, fine, 'BTC')).toBe('100 / 0');
});

it('rows with impossible versions do not keep a sweep from the sound rows', async () => {
  const [account, order, fine] = [await user(), await user(), await user()];
  await books.sql(`UPDATE orders SET expires_at = '2020-01-01' WHERE id = 'buy' AND user_id = ANY ($1)`, [
    [account, order, fine],
  ]);
  await books.sql(`UPDATE accounts SET version = 9223372036854775807 WHERE user_id = $1`, [account]);
  await books.sql(`UPDATE orders SET version = 9007199254740993 WHERE user_id = $1`, [order]);
  mend = `UPDATE orders SET status = 'cancelled' WHERE user_id IN ('${account}', '${order}')`;
  const { expiredOrders, broken } = await books.pincex.sweepExpired();
  expect(expiredOrders).toBe(1);
  expect(broken.map(({ problem }) => problem).sort()).toEqual([
    expect.stringMatching(`^account ${account} USD is broken: version 9223372036854775807 `),
    expect.stringMatching(`^order ${order} buy is broken: version 9007199254740993 `),
  ]);
});

describe('the hold of a placed order', () => {
  it('the hold of an order that was filled in part, below its limit or without one, is not taken for broken', async () => {
    const [buyer, seller] = [await user(), await user()];
    const market = { ...place(buyer, 'mkt'), type: 'market', price: null, holdAmount: '30' } as const;
    const fill = { ...trade(buyer, seller), price: '9.99', quantity: '0.33333333' } as const;
    expectApplied(
      await books.pincex.execute([
        market,
        { ...place(seller, 'sell-2', 'sell'), price: '9' },
        { ...fill, sellOrderId: 'sell-2' },
        { ...fill, id: fresh('t'), sellOrderId: 'sell-2', buyOrderId: 'mkt' },
      ]),
    );
    const ends = [cancel(buyer, 'buy'), cancel(buyer, 'mkt'), cancel(seller, 'sell-2')];
    expectApplied(await books.pincex.execute(ends));
    expect(await funds(books.pincex, buyer, 'USD')).toBe('92.34 / 1');
  });

  it('a hold of less than its placed order needs fails a trade of that order', async () => {
    const [buyer, seller] = [await user(), await user()];
    await books.sql(`UPDATE holds SET amount = amount - 1 WHERE user_id = $1 AND order_id = 'sell'`, [
      seller,
    ]);
    const batch = await books.pincex.execute([trade(buyer, seller), deposit(buyer)]);
    expect(outcomes(batch)).toEqual(['broken_row', 'applied']);
    expect(batch.failedItems.get(0)?.message).toContain(`hold ${seller} sell BTC is broken: it has 1, and`);
  });
});

describe('reads of a row with a version beyond 2^53', () => {
  const isBroken = (row: string) => ({
    code: 'broken_row',
    retryable: false,
    message: expect.stringContaining(`${row} is broken: it is at version 9007199254740993`) as string,
  });

  it('a read of a row with a version beyond 2^53 fails and names it, and the reads beside it succeed', async () => {
    const { bookkeeper, trading } = books.pincex;
    const [broken, fine] = [await user(), await user()];
    await books.sql(
      `UPDATE accounts SET version = 9007199254740993 WHERE user_id = $1 AND currency = 'USD'`,
      [broken],
    );
    await books.sql(`UPDATE orders SET version = 9007199254740993 WHERE user_id = $1 AND id = 'buy'`, [
      broken,
    ]);
    mend = `UPDATE accounts SET version = 3 WHERE user_id = '${broken}' AND currency = 'USD';
      UPDATE orders SET version = 1 WHERE user_id = '${broken}'`;
    const accounts = [fine, broken, fine].map((userId) => bookkeeper.getAccount(userId, 'USD'));
    const orders = [broken, fine].map((userId) => trading.getOrder({ userId, id: 'buy' }));
    const read = await Promise.allSettled([...accounts, ...orders]);
    expect(read).toMatchObject([
      { value: { userId: fine, version: 3 } },
      { reason: isBroken(`account ${broken} USD`) },
      { value: { userId: fine, version: 3 } },
      { reason: isBroken(`order ${broken} buy`) },
      { value: { userId: fine, version: 1 } },
    ]);
    const many = bookkeeper.batchGetAccounts([fine, broken], ['USD']);
    await expect(many).rejects.toMatchObject(isBroken(`account ${broken} USD`));
    expect(await bookkeeper.getAccount(broken, 'BTC')).toMatchObject({ available: '98', locked: '2' });
  });

  it('a stream and a statement fail at a journal entry with a version beyond 2^53', async () => {
    const userId = await user();
    await books.sql(
      `UPDATE journal SET version = 9007199254740993 WHERE user_id = $1 AND currency = 'USD' AND version = 3`,
      [userId],
    );
    mend = `UPDATE journal SET version = 3 WHERE user_id = '${userId}' AND version > 3`;
    const statement = books.pincex.bookkeeper.getAccountStatement(userId, 'USD');
    await expect(statement).rejects.toMatchObject(isBroken(`journal ${userId} USD`));
    const stream = async () => {
      for await (const entry of books.pincex.streamJournal()) expect(entry.version).toBeLessThan(2 ** 53);
    };
    await expect(stream()).rejects.toMatchObject(isBroken(`journal ${userId} USD`));
  });
});

it('a thousand broken rows do not keep a sweep from the sound rows behind them', async () => {
  const userId = await user();
  expectApplied(
    await books.pincex.execute([{ ...lock(userId, 'free'), expiresAt: '2021-01-01T00:00:00.000Z' }]),
  );
  await books.sql(
    `INSERT INTO holds SELECT 'ghost-' || n, 'o', 'USD', 1, false, '2020-01-01', now() FROM generate_series(1, 1000) AS n`,
  );
  mend = `DELETE FROM holds WHERE user_id LIKE 'ghost-%'`;
  const { expiredHolds, broken } = await books.pincex.sweepExpired();
  expect([expiredHolds, broken.length]).toEqual([1, 1_000]);
});
