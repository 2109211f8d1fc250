import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { configOf, expectBalanced, fresh, newUser } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { LASTING } from './support.ts';

/** Two processes, each with a cache of its own, which do not hear of each other's changes. */
describe('a reader that knows a version', () => {
  let database: TestDatabase;
  let writer: Pincex;
  let reader: Pincex;
  let statements = 0;
  let userId = '';

  beforeAll(async () => {
    // A missing row is cached for a second; here the clock stands still, so that second is never over.
    vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    database = await createTestDatabase();
    const config = configOf(database.url, LASTING);
    writer = await Pincex.open({ config });
    reader = await Pincex.open({ config, onStatement: () => statements++ });
  });
  beforeEach(async () => {
    userId = await newUser(writer, { USD: '100' });
    expect(await reader.bookkeeper.getAccount(userId, 'USD')).toMatchObject({ version: 1 });
    statements = 0;
  });
  afterAll(async () => {
    await expectBalanced(writer);
    await Promise.all([writer.close(), reader.close()]);
    await database.drop();
    vi.restoreAllMocks();
  });

  const withdraw = async (): Promise<number> => {
    const { results } = await writer.bookkeeper.batchWithdraw([
      { id: fresh('out'), userId, currency: 'USD', amount: '1' },
    ]);
    const [result] = results;
    if (result?.status !== 'applied') throw new Error('The withdrawal was not applied');
    return result.data.version;
  };

  test('a read with minVersion gets that version or a newer one, and heals the cache for reads without one', async () => {
    const version = await withdraw();
    expect(await reader.bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '100' });
    const account = await reader.bookkeeper.getAccount(userId, 'USD', { minVersion: version });
    expect(account).toMatchObject({ available: '99', version });
    expect(await reader.bookkeeper.getAccount(userId, 'USD')).toMatchObject({ available: '99' });
    expect(statements).toBe(1);
  });

  test('a read with minVersion is answered from the cache where that is new enough', async () => {
    await reader.bookkeeper.getAccount(userId, 'USD', { minVersion: 1 });
    await reader.bookkeeper.getAccount(userId, 'USD', { minVersion: 0 });
    await reader.bookkeeper.getAccount(userId, 'USD', { minVersion: null });
    expect(statements).toBe(0);
  });

  test('a batch read may give a minVersion for only some of its rows', async () => {
    const others = [await newUser(writer, { USD: '7' }), await newUser(writer, { USD: '8' })];
    await reader.bookkeeper.batchGetAccounts([...others, userId], ['USD']);
    const version = await withdraw();
    statements = 0;
    const accounts = await reader.bookkeeper.batchGetAccounts([...others, userId], ['USD'], {
      minVersions: [null, 1, version],
    });
    expect(accounts.map((account) => account?.available)).toEqual(['7', '8', '99']);
    expect(statements).toBe(1);
  });

  test('a read with minVersion 0 finds an account that was only opened, although it was cached as missing', async () => {
    const [one, other] = [fresh('user'), fresh('user')];
    expect(await reader.bookkeeper.batchGetAccounts([one, other], ['USD'])).toEqual([null, null]);
    const items = [one, other].map((id) => ({ id: 'a', userId: id, currency: 'USD' }));
    expect(await writer.bookkeeper.batchCreateAccounts(items)).toMatchObject({ status: 'applied' });
    expect(await reader.bookkeeper.getAccount(one, 'USD')).toBeNull();
    const account = await reader.bookkeeper.getAccount(one, 'USD', { minVersion: 0 });
    expect(account).toMatchObject({ available: '0', version: 0 });
    expect(await reader.bookkeeper.getAccount(one, 'USD')).toEqual(account);
    const known = { minVersions: [0, 0] };
    expect(await reader.bookkeeper.batchGetAccounts([one, other], ['USD'], known)).toMatchObject([
      { version: 0 },
      { version: 0 },
    ]);
    statements = 0;
    expect(await reader.bookkeeper.getAccount(one, 'USD', { minVersion: 0 })).toEqual(account);
    expect(statements).toBe(0);
  });

  test('a read of an order with minVersion gets that version, and lists that are asked for fresh are new too', async () => {
    const order = {
      id: fresh('order'),
      userId,
      symbol: 'BTC/USD',
      side: 'buy' as const,
      type: 'limit' as const,
      quantity: '0.1',
      price: '100.00',
    };
    await writer.trading.batchPlaceOrders([order]);
    expect(await reader.trading.getOrder(order.id)).toMatchObject({ status: 'open', version: 1 });
    expect(await reader.trading.getUserOrders(userId)).toMatchObject([{ status: 'open' }]);
    await writer.trading.batchCancelOrders([{ id: fresh('cancel'), userId, orderId: order.id }]);
    expect(await reader.trading.getOrder(order.id)).toMatchObject({ status: 'open' });
    expect(await reader.trading.getOrder(order.id, { minVersion: 2 })).toMatchObject({ status: 'cancelled' });
    expect(await reader.trading.batchGetOrdersByIds([order.id], { minVersions: [2] })).toMatchObject([
      { status: 'cancelled' },
    ]);
    // Lists have no version.
    expect(await reader.trading.getUserOrders(userId)).toMatchObject([{ status: 'open' }]);
    expect(await reader.trading.getUserOrders(userId, { fresh: true })).toMatchObject([
      { status: 'cancelled' },
    ]);
    expect(await reader.trading.getUserOrders(userId)).toMatchObject([{ status: 'cancelled' }]);
    expect(await reader.trading.batchGetOpenOrdersByUsers([userId], { fresh: true })).toEqual([[]]);
    expect(await reader.trading.batchGetTradesByOrderIds([order.id], { fresh: true })).toEqual([[]]);
  });

  test('a list that is asked for fresh takes one statement', async () => {
    statements = 0;
    await reader.trading.getUserOrders(userId, { fresh: true });
    expect(statements).toBe(1);
    await reader.trading.batchGetTradesByOrderIds([fresh('order')], { fresh: true });
    expect(statements).toBe(2);
  });

  test('a read with a minVersion that never was returns what there is', async () => {
    const account = await reader.bookkeeper.getAccount(userId, 'USD', { minVersion: 99 });
    expect(account).toMatchObject({ version: 1 });
    expect(await reader.bookkeeper.getAccount(fresh('nobody'), 'USD', { minVersion: 1 })).toBeNull();
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 60])(
    'a read is refused when its minVersion is %s',
    async (minVersion) => {
      const refused = { code: 'invalid_argument' };
      const { bookkeeper } = reader;
      await expect(bookkeeper.getAccount(userId, 'USD', { minVersion })).rejects.toMatchObject(refused);
      await expect(
        bookkeeper.batchGetAccounts([userId], ['USD'], { minVersions: [minVersion] }),
      ).rejects.toMatchObject(refused);
    },
  );
});
