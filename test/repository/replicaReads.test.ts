import { describe, expect, test } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { anyway, expectApplied, fresh, newUser, outcomes } from '../support/books.ts';
import {
  cached,
  cancel,
  onPrimary,
  onReplica,
  orderOf,
  place,
  readAll,
  readsOf,
  servers,
  traced,
  uncached,
  WHEN_CANCELLED,
  WHILE_OPEN,
  writer,
  useReplica,
} from './replicas.ts';

/** Reads without a cache find what the replica has, however far it has come. */

useReplica();

describe('without a cache', () => {
  test('without a cache each read comes from the replica alone, by one statement', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = orderOf(userId);
    await place(writer, order);
    await servers.catchUp();
    for (const [name, read] of Object.entries(readsOf(uncached, order))) {
      const { ran } = await traced<unknown>(uncached, read);
      expect(ran, name).toEqual([expect.stringMatching(/^replica get-/)]);
    }
    expect(await readAll(uncached, order)).toEqual(WHILE_OPEN);
    await servers.pauseReplay();
    await cancel(uncached, order);
    expect(await readAll(uncached, order)).toEqual(WHILE_OPEN);
    await servers.resumeReplay();
    expect(await readAll(uncached, order)).toEqual(WHEN_CANCELLED);
  });

  test('an order book comes from the replica', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const order = { ...orderOf(userId), price: '17.77' };
    const standing = async () => {
      const { result, ran } = await traced(uncached, () =>
        uncached.pincex.trading.getOrderBook('BTC/USD', 1_000),
      );
      expect(onPrimary(ran)).toEqual([]);
      expect(onReplica(ran)).toHaveLength(1);
      return result.bids.some(({ price }) => price === order.price);
    };
    await servers.pauseReplay();
    await place(writer, order);
    expect(await standing()).toBe(false);
    await servers.resumeReplay();
    expect(await standing()).toBe(true);
  });

  test('decisions are made by what the primary has, and send the replica no statement', async () => {
    const { pincex } = uncached;
    await servers.catchUp();
    await servers.pauseReplay();
    const { ran } = await traced(uncached, async () => {
      // The replica knows neither these users nor their orders.
      const buyer = await newUser(pincex, { USD: '100' });
      const seller = await newUser(pincex, { BTC: '1' });
      const lock = { userId: buyer, currency: 'USD', amount: '60', orderId: fresh('o') };
      const locks = [1, 2].map((n) => ({ ...lock, id: `lock-${n}` }));
      expect(outcomes(await pincex.bookkeeper.batchLockFunds(locks))).toEqual([
        'applied',
        'insufficient_funds',
      ]);
      expect(outcomes(await pincex.bookkeeper.batchLockFunds(locks.slice(0, 1)))).toEqual(['replayed']);
      const [buy, sell] = [orderOf(buyer), orderOf(seller, 'sell')];
      expectApplied(await pincex.trading.batchPlaceOrders([buy, sell]));
      expectApplied(
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
            takerSide: 'sell',
          },
        ]),
      );
      const again = { id: fresh('cancel'), userId: buyer, orderId: buy.id };
      expect(outcomes(await pincex.trading.batchCancelOrders([again]))).toEqual(['invalid_transition']);
      expectApplied(await pincex.execute([{ command: 'unlockFunds', ...lock, id: fresh('unlock') }]));
      await pincex.sweepExpired();
      await pincex.audit();
      await pincex.catalog.get();
    });
    expect(onReplica(ran)).toEqual([]);
    expect(ran.length).toBeGreaterThan(10);
  });

  test('a transaction reads on its own connection only', async () => {
    for (const process of [uncached, cached]) {
      const { pincex } = process;
      const userId = await newUser(writer.pincex, { USD: '100' });
      const order = orderOf(userId);
      await servers.catchUp();
      const { ran } = await traced(process, () =>
        pincex.transaction(async (tx) => {
          const inside = { pincex: anyway<Pincex>(tx), statements: [] };
          expectApplied(await tx.trading.batchPlaceOrders([order]));
          expect(await readAll(inside, order)).toEqual(WHILE_OPEN);
          await cancel(inside, order);
          expect(await readAll(inside, order)).toEqual(WHEN_CANCELLED);
          await tx.trading.getOrderBook('BTC/USD');
        }),
      );
      expect(onReplica(ran)).toEqual([]);
    }
  });
});
