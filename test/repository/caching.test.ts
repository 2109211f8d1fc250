import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Pincex, type PlaceOrder } from '../../src/index.ts';
import { configOf, expectBalanced, fresh, isLong, newUser } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';
import { LASTING, UNCACHED, untilCached, waitPatiently } from './support.ts';

describe.each(['process', 'redis'] as const)('with the cache in %s', (store) => {
  const skipped = store === 'redis' && NO_REDIS !== null;
  let database: TestDatabase;
  let redis: TestRedis | undefined;
  let pincex: Pincex;
  /** Another process, which reads without a cache. */
  let witness: Pincex;
  const statements: string[] = [];

  beforeAll(async () => {
    if (skipped) return;
    waitPatiently();
    database = await createTestDatabase();
    redis = store === 'redis' ? await TestRedis.start() : undefined;
    const environment = redis === undefined ? LASTING : { ...LASTING, REDIS_URL: redis.url };
    pincex = await Pincex.open({
      config: configOf(database.url, environment),
      onStatement: ({ name }) => statements.push(name),
    });
    witness = await Pincex.open({ config: configOf(database.url, UNCACHED) });
    const warm = await newUser(pincex, { USD: '1' });
    await untilCached(statements, () => pincex.bookkeeper.getAccount(warm, 'USD'));
  });
  beforeEach(() => {
    statements.length = 0;
  });
  afterAll(async () => {
    if (skipped) return;
    await expectBalanced(pincex);
    await Promise.all([pincex.close(), witness.close()]);
    await redis?.remove();
    await database.drop();
  });

  const order = (userId: string, side: 'buy' | 'sell' = 'buy'): PlaceOrder => ({
    id: fresh('order'),
    userId,
    symbol: 'BTC/USD',
    side,
    type: 'limit',
    quantity: '0.1',
    price: '100.00',
  });

  test.skipIf(skipped)(
    'rows that were read once are answered from the cache, without a statement',
    async () => {
      const userId = await newUser(pincex, { USD: '100' });
      const placed = order(userId);
      await pincex.trading.batchPlaceOrders([placed]);
      const read = async (): Promise<unknown[]> => [
        await pincex.bookkeeper.batchGetAccounts([userId], ['USD', 'BTC']),
        await pincex.trading.batchGetOrdersByIds([placed.id]),
        await pincex.trading.batchGetUserOrders([userId]),
        await pincex.trading.batchGetOpenOrdersByUsers([userId]),
        await pincex.trading.batchGetTradesByOrderIds([placed.id]),
      ];
      const cold = await read();
      // With Redis, a row is stored while its reader already goes on.
      expect(await untilCached(statements, read)).toEqual(cold);
    },
  );

  test.skipIf(skipped)(
    'an account that was cached as missing is seen once it is opened, and so is its next change',
    async () => {
      const own = { userId: fresh('user'), currency: 'USD' };
      const read = () => pincex.bookkeeper.getAccount(own.userId, own.currency);
      expect(await untilCached(statements, read)).toBeNull();
      await pincex.bookkeeper.createAccount({ ...own, id: 'a' });
      const opened = await read();
      expect(opened).toMatchObject({ available: '0', locked: '0', balance: '0', version: 0 });
      expect(await untilCached(statements, read)).toEqual(opened);
      await pincex.bookkeeper.deposit({ ...own, id: 'd', amount: '5' });
      expect(await read()).toMatchObject({ available: '5', version: 1 });
    },
  );

  test.skipIf(skipped)('a commit is seen by every read after it', async () => {
    const buyer = await newUser(pincex, { USD: '100' });
    const seller = await newUser(pincex, { BTC: '1' });
    const [buy, sell] = [order(buyer), order(seller, 'sell')];
    const read = async () => ({
      accounts: await pincex.bookkeeper.batchGetAccounts([buyer, seller], ['USD', 'BTC']),
      orders: await pincex.trading.batchGetOrdersByIds([buy.id, sell.id]),
      lists: await pincex.trading.batchGetUserOrders([buyer, seller]),
      open: await pincex.trading.batchGetOpenOrdersByUsers([buyer, seller]),
      trades: await pincex.trading.batchGetTradesByOrderIds([buy.id, sell.id]),
    });
    await read();
    await pincex.trading.batchPlaceOrders([buy, sell]);
    const placed = await read();
    expect(placed.open.map((list) => list.length)).toEqual([1, 1]);
    expect(placed.accounts[0]).toMatchObject({ available: '90', locked: '10' });

    await pincex.trading.batchSettleTrades([
      {
        id: fresh('trade'),
        symbol: 'BTC/USD',
        price: '100.00',
        quantity: '0.1',
        buyUserId: buyer,
        buyOrderId: buy.id,
        sellUserId: seller,
        sellOrderId: sell.id,
        takerSide: 'buy',
      },
    ]);
    const settled = await read();
    expect(settled.orders.map((row) => row?.status)).toEqual(['filled', 'filled']);
    expect(settled.open).toEqual([[], []]);
    expect(settled.trades.map((list) => list.length)).toEqual([1, 1]);
    expect(settled.accounts[1]).toMatchObject({ available: '0.1', version: 1 });
    expect(settled).toEqual({
      accounts: await witness.bookkeeper.batchGetAccounts([buyer, seller], ['USD', 'BTC']),
      orders: await witness.trading.batchGetOrdersByIds([buy.id, sell.id]),
      lists: await witness.trading.batchGetUserOrders([buyer, seller]),
      open: await witness.trading.batchGetOpenOrdersByUsers([buyer, seller]),
      trades: await witness.trading.batchGetTradesByOrderIds([buy.id, sell.id]),
    });
  });

  test.skipIf(skipped)(
    'a change of an account replaces its cached value, so that the next read makes no statement',
    async () => {
      const userId = await newUser(pincex, { USD: '100' });
      await untilCached(statements, () => pincex.bookkeeper.getAccount(userId, 'USD'));
      await pincex.bookkeeper.lockFunds({
        id: fresh('lock'),
        userId,
        currency: 'USD',
        amount: '0.25',
        orderId: fresh('order'),
      });
      statements.length = 0;
      const account = await pincex.bookkeeper.getAccount(userId, 'USD');
      expect(statements).toEqual([]);
      expect(account).toEqual(await witness.bookkeeper.getAccount(userId, 'USD'));
    },
  );

  test.skipIf(skipped)(
    'the cache learns of a transaction once it is committed, and never when it is rolled back',
    async () => {
      const userId = await newUser(pincex, { USD: '100' });
      const { bookkeeper } = pincex;
      await bookkeeper.getAccount(userId, 'USD');
      const withdraw = { userId, currency: 'USD', amount: '1' };
      await expect(
        pincex.transaction(async (tx) => {
          await tx.bookkeeper.withdraw({ id: fresh('out'), ...withdraw });
          // A read within the transaction sees its changes; other reads do not.
          expect(await tx.bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '99' });
          expect(await bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '100' });
          throw new Error('undo');
        }),
      ).rejects.toThrow('undo');
      expect(await bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '100' });
      await pincex.transaction(async (tx) => {
        await tx.bookkeeper.withdraw({ id: fresh('out'), ...withdraw });
        await tx.bookkeeper.withdraw({ id: fresh('out'), ...withdraw });
      });
      expect(await bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '98' });
    },
  );

  test.skipIf(skipped)(
    'a longer list than the cached one is read, and a shorter one is cut from the cached one',
    async () => {
      const userId = await newUser(pincex, { USD: '100' });
      const orders = Array.from({ length: 5 }, () => order(userId));
      for (const one of orders) await pincex.trading.batchPlaceOrders([one]);
      const newest = orders.map(({ id }) => id).reverse();
      const { trading } = pincex;
      for (const limit of [2, 4, 3, 100, 1, 5]) {
        const list = await trading.getUserOrders(userId, { limit });
        expect(list.map(({ id }) => id)).toEqual(newest.slice(0, limit));
      }
      const [list = []] = await trading.batchGetUserOrders([userId]);
      // The list belongs to the caller, who may sort it.
      expect(list.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id }) => id)).toEqual(newest.toSorted());
      expect((await trading.getUserOrders(userId)).map(({ id }) => id)).toEqual(newest);
    },
  );

  test.skipIf(skipped)(
    'lists that are read with several limits in turn are cached once, at the longest limit',
    async () => {
      const userId = await newUser(pincex, { USD: '100' });
      const { trading } = pincex;
      const placed: string[] = [];
      const place = async (): Promise<void> => {
        const one = order(userId);
        await trading.batchPlaceOrders([one]);
        placed.unshift(one.id);
      };
      for (let n = 0; n < 5; n++) await place();
      const readInTurn = async (limits: readonly number[]): Promise<void> => {
        for (const limit of limits) {
          const newest = placed.slice(0, limit);
          const [list = []] = await trading.batchGetUserOrders([userId], { limit });
          expect(list.map(({ id }) => id)).toEqual(newest);
          const [open = []] = await trading.batchGetOpenOrdersByUsers([userId], { limit });
          expect(open.map(({ id }) => id)).toEqual(newest);
          expect((await trading.getUserOrders(userId, { limit })).map(({ id }) => id)).toEqual(newest);
        }
      };
      // The last limit is greater than the number of orders, so that list has all of them.
      for (const limits of [
        [2, 4],
        [1, 2, 3, 4],
        [2, 6, 1_000],
      ]) {
        await untilCached(statements, () => readInTurn(limits));
      }
      await place();
      await readInTurn([2, 4, 2]);
    },
  );

  test.skipIf(skipped)('after any sequence of batches, cached reads equal the tables', async () => {
    const users = await Promise.all(
      Array.from({ length: 6 }, () => newUser(pincex, { USD: '1000', BTC: '10' })),
    );
    const any = <Value>(values: readonly Value[]): Value =>
      values[Math.floor(Math.random() * values.length)] as Value;
    const placed: PlaceOrder[] = [];
    const ids = (): string[] => placed.slice(-20).map(({ id }) => id);
    const read = async ({ bookkeeper, trading }: Pincex) => [
      await bookkeeper.batchGetAccounts(users, ['USD', 'BTC']),
      await trading.batchGetOrdersByIds(ids()),
      await trading.batchGetUserOrders(users, { limit: 10 }),
      await trading.batchGetOpenOrdersByUsers(users),
      await trading.batchGetTradesByOrderIds(ids()),
    ];
    const steps: (() => Promise<unknown>)[] = [
      () => {
        const orders = Array.from({ length: 4 }, () => order(any(users), any(['buy', 'sell'])));
        placed.push(...orders);
        return pincex.trading.batchPlaceOrders(orders);
      },
      () => {
        const one = any(placed);
        return pincex.trading.batchCancelOrders([
          { id: fresh('cancel'), userId: one.userId, orderId: one.id },
        ]);
      },
      () => {
        const buy = any(placed.filter(({ side }) => side === 'buy'));
        const sell = any(placed.filter(({ side }) => side === 'sell'));
        return pincex.trading.batchSettleTrades([
          {
            id: fresh('trade'),
            symbol: 'BTC/USD',
            price: '100.00',
            quantity: '0.05',
            buyUserId: buy.userId,
            buyOrderId: buy.id,
            sellUserId: sell.userId,
            sellOrderId: sell.id,
            takerSide: 'sell',
          },
        ]);
      },
      () =>
        pincex.bookkeeper.transfer({
          id: fresh('transfer'),
          userId: any(users),
          toUserId: any(users),
          currency: 'USD',
          amount: '1.5',
        }),
      () =>
        pincex.bookkeeper.batchLockFunds(
          users.map((userId) => ({
            id: fresh('lock'),
            userId,
            currency: 'BTC',
            amount: '0.01',
            orderId: fresh('order'),
          })),
        ),
    ];
    await steps[0]?.();
    await steps[0]?.();
    for (let round = 0; round < (isLong ? 1_000 : 30); round++) {
      await read(pincex);
      await any(steps)();
      expect(await read(pincex)).toEqual(await read(witness));
    }
  });
});
