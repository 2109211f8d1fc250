import { describe, expect, test } from 'vitest';
import { type OrderView } from '../../src/index.ts';
import { anyway, fresh, newUser } from '../support/books.ts';
import {
  availableOf,
  cached,
  cancel,
  onPrimary,
  orderOf,
  place,
  servers,
  statusOf,
  traced,
  uncached,
  usd,
  withdraw,
  writer,
  useReplica,
} from './replicas.ts';

/** Reads for which the replica may be too old: the caller knows a version, or wants a list fresh. */

useReplica();

describe('without a cache', () => {
  test('a read with minVersion gets that version, although the replica is behind', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    await servers.pauseReplay();
    const minVersion = await withdraw(writer, userId);
    const { result, ran } = await traced(uncached, () =>
      uncached.pincex.bookkeeper.getAccount(userId, 'USD', { minVersion }),
    );
    expect(result).toMatchObject({ available: '99', version: minVersion });
    expect(ran).toEqual(['replica get-accounts 1', 'primary get-accounts 1']);
    // A reader that gives no version still reads from the replica.
    expect(await usd(uncached, userId)).toBe('100');
    await servers.resumeReplay();
    const later = await traced(uncached, () =>
      uncached.pincex.bookkeeper.getAccount(userId, 'USD', { minVersion }),
    );
    expect(later.ran).toEqual(['replica get-accounts 1']);
    expect(later.result).toEqual(result);
  });

  test('of many rows only those older than their minVersion are read from the primary', async () => {
    const { bookkeeper, trading } = uncached.pincex;
    const userIds = await Promise.all(
      Array.from({ length: 10 }, () => newUser(writer.pincex, { USD: '100' })),
    );
    const placed = userIds.map((userId) => orderOf(userId));
    for (const order of placed) await place(writer, order);
    await servers.catchUp();
    await servers.pauseReplay();
    const moved = [1, 4, 7];
    for (const n of moved) await cancel(writer, placed[n]!);
    const versions = (stands: number, isMoved: number) =>
      userIds.map((_, n) => (moved.includes(n) ? isMoved : n === 0 ? null : stands));

    const accounts = await traced(uncached, () =>
      bookkeeper.batchGetAccounts(userIds, ['USD'], { minVersions: versions(2, 3) }),
    );
    expect(accounts.ran).toEqual(['replica get-accounts 10', 'primary get-accounts 3']);
    expect(accounts.result.map(availableOf)).toEqual(
      userIds.map((_, n) => (moved.includes(n) ? '100' : '90')),
    );

    const orders = await traced(uncached, () =>
      trading.batchGetOrdersByIds(
        placed.map(({ id }) => id),
        { minVersions: versions(1, 2) },
      ),
    );
    expect(orders.ran).toEqual(['replica get-orders-by-ids 10', 'primary get-orders-by-ids 3']);
    expect(orders.result.map(statusOf)).toEqual(
      userIds.map((_, n) => (moved.includes(n) ? 'cancelled' : 'open')),
    );

    // The single forms are gathered, and then run the same statements.
    const gathered = await traced(uncached, () =>
      Promise.all(
        versions(2, 3).map((minVersion, n) => bookkeeper.getAccount(userIds[n]!, 'USD', { minVersion })),
      ),
    );
    expect(gathered.ran).toEqual(accounts.ran);
    expect(gathered.result).toEqual(accounts.result);
  });

  test('a read with a minVersion that never was returns what the primary has', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    await servers.pauseReplay();
    await withdraw(writer, userId);
    for (const process of [uncached, cached]) {
      const { bookkeeper, trading } = process.pincex;
      const minVersion = Number.MAX_SAFE_INTEGER;
      expect(await bookkeeper.getAccount(userId, 'USD', { minVersion })).toMatchObject({ available: '99' });
      expect(await bookkeeper.getAccount(fresh('nobody'), 'USD', { minVersion })).toBeNull();
      expect(await trading.getOrder(fresh('none'), { minVersion })).toBeNull();
    }
  });

  test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53, '2', {}, 2n])(
    'a read is refused without a statement when its minVersion is %s',
    async (value) => {
      const minVersion = anyway<number>(value);
      const { bookkeeper, trading } = uncached.pincex;
      const minVersions = [minVersion];
      for (const call of [
        () => bookkeeper.getAccount('ann', 'USD', { minVersion }),
        () => bookkeeper.batchGetAccounts(['ann'], ['USD'], { minVersions }),
        () => trading.getOrder('order', { minVersion }),
        () => trading.batchGetOrdersByIds(['order'], { minVersions }),
      ]) {
        const { result, ran } = await traced(uncached, () => call().catch((error: unknown) => error));
        expect(result).toMatchObject({ code: 'invalid_argument' });
        expect(ran).toEqual([]);
      }
    },
  );

  test.each([[5], ['abc'], [{}], [null], [[1, 2]], [[]]])(
    'a batch read of one row is refused when its minVersions are %j',
    async (value) => {
      const minVersions = anyway<number[]>(value);
      const { bookkeeper, trading } = uncached.pincex;
      for (const call of [
        bookkeeper.batchGetAccounts(['ann'], ['USD'], { minVersions }),
        trading.batchGetOrdersByIds(['order'], { minVersions }),
      ]) {
        await expect(call).rejects.toMatchObject({ name: 'PincexError', code: 'invalid_argument' });
      }
    },
  );

  test('lists that are asked for fresh come from the primary', async () => {
    const { trading } = uncached.pincex;
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = orderOf(userId);
    await place(writer, order);
    await servers.catchUp();
    await servers.pauseReplay();
    await cancel(writer, order);
    const lists = (fresh: boolean): (() => Promise<OrderView[][]>)[] => [
      () => trading.batchGetUserOrders([userId], { fresh }),
      async () => [await trading.getUserOrders(userId, { fresh })],
      () => trading.batchGetUserOrders([userId], { fresh, symbol: 'BTC/USD' }),
      async () => [await trading.getUserOrders(userId, { fresh, statuses: ['open', 'cancelled'] })],
    ];
    for (const read of lists(false)) expect((await read()).flat().map(statusOf)).toEqual(['open']);
    for (const read of lists(true)) expect((await read()).flat().map(statusOf)).toEqual(['cancelled']);
    expect(await trading.batchGetOpenOrdersByUsers([userId])).toMatchObject([[{ status: 'open' }]]);
    expect(await trading.batchGetOpenOrdersByUsers([userId], { fresh: true })).toEqual([[]]);
    const trades = await traced(uncached, () =>
      trading.batchGetTradesByOrderIds([{ userId, id: order.id }], { fresh: true }),
    );
    expect(onPrimary(trades.ran)).toEqual(['primary get-trades-by-orders 0']);
  });
});
