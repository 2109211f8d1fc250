import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchResult, Funds, Pincex, Strategy } from '../../src/index.ts';
import { expectApplied, funds, newUser, openBooks, outcomes, useBooks } from '../support/books.ts';

const books = useBooks();

describe.each<Strategy>(['auto', 'guard', 'lock'])('twenty concurrent batches (strategy %s)', (strategy) => {
  let pincex: Pincex;
  beforeAll(async () => {
    pincex = await openBooks(books.url, { strategy });
  });
  afterAll(() => pincex.close());

  it('concurrent batches with the same ids apply each item exactly once', async () => {
    const userIds = await Promise.all(Array.from({ length: 5 }, () => newUser(pincex, { USD: '100' })));
    const items = userIds.flatMap((userId) =>
      ['a', 'b'].map((id) => ({ id, userId, currency: 'USD', amount: '10', orderId: `o-${id}` })),
    );
    const batches = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        pincex.bookkeeper.batchLockFunds(i % 2 === 0 ? items : [...items].reverse()),
      ),
    );
    const applied = batches.map(({ counts }) => counts.applied).reduce((sum, n) => sum + n);
    const replayed = batches.map(({ counts }) => counts.replayed).reduce((sum, n) => sum + n);
    expect([applied, replayed]).toEqual([items.length, 19 * items.length]);
    for (const userId of userIds) expect(await funds(pincex, userId, 'USD')).toBe('80 / 20');
  });

  it('concurrent deposits that create the same account all succeed', async () => {
    const userId = `new-${strategy}`;
    const batches = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        pincex.bookkeeper.batchDeposit([{ id: `d-${i}`, userId, currency: 'USD', amount: '1' }]),
      ),
    );
    for (const batch of batches) expectApplied(batch);
    expect(await funds(pincex, userId, 'USD')).toBe('20 / 0');
  });

  it('concurrent createAccount batches with ids of their own open each account once, and refuse the rest', async () => {
    const userIds = ['a', 'b', 'c'].map((name) => `opened-${name}-${strategy}`);
    const batches = await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        const items = userIds.map((userId) => ({ id: `a-${i}`, userId, currency: 'USD' }));
        return pincex.bookkeeper.batchCreateAccounts(i % 2 === 0 ? items : items.reverse());
      }),
    );
    const seen = batches.flatMap(outcomes);
    expect(seen.filter((outcome) => outcome === 'applied')).toHaveLength(3);
    expect(seen.filter((outcome) => outcome === 'account_exists')).toHaveLength(57);
    for (const userId of userIds) expect(await funds(pincex, userId, 'USD')).toBe('0 / 0');
  });

  it('concurrent createAccount and deposit batches for one account lose no money, in any order', async () => {
    const own = { userId: `opened-and-paid-${strategy}`, currency: 'USD' };
    const opened: Promise<BatchResult<Funds>>[] = [];
    const paid: Promise<BatchResult<Funds>>[] = [];
    for (let i = 0; i < 10; i++) {
      opened.push(pincex.bookkeeper.batchCreateAccounts([{ ...own, id: `a-${i}` }]));
      paid.push(pincex.bookkeeper.batchDeposit([{ ...own, id: `d-${i}`, amount: '1' }]));
    }
    for (const batch of await Promise.all(paid)) expectApplied(batch);
    const seen = (await Promise.all(opened)).flatMap(outcomes);
    const refused = seen.filter((outcome) => outcome === 'account_exists').length;
    expect([9, 10]).toContain(refused);
    expect(seen.filter((outcome) => outcome === 'applied')).toHaveLength(10 - refused);
    expect(await funds(pincex, own.userId, 'USD')).toBe('10 / 0');
    expect(await pincex.bookkeeper.getAccount(own.userId, 'USD')).toMatchObject({ version: 10 });
  });

  it('concurrent transfers that create the account of the same receiver all succeed', async () => {
    const toUserId = `receiver-${strategy}`;
    // The transfers share only the new account: there is no row yet that could be locked or guarded.
    const payers = await Promise.all(Array.from({ length: 20 }, () => newUser(pincex, { USD: '1' })));
    const batches = await Promise.all(
      payers.map((userId) =>
        pincex.bookkeeper.batchTransfer([{ id: 't', userId, toUserId, currency: 'USD', amount: '1' }]),
      ),
    );
    for (const batch of batches) expectApplied(batch);
    expect(await funds(pincex, toUserId, 'USD')).toBe('20 / 0');
  });

  it('concurrent batches that create the same order create it once', async () => {
    const order = {
      id: `same-${strategy}`,
      userId: `user-${strategy}`,
      symbol: 'BTC/USD',
      side: 'buy',
      type: 'limit',
      quantity: '1',
      price: '10',
    } as const;
    const results = await Promise.all(Array.from({ length: 20 }, () => pincex.trading.createOrder(order)));
    expect(results.filter(({ status }) => status === 'applied')).toHaveLength(1);
    expect(results.filter(({ status }) => status === 'replayed')).toHaveLength(19);
  });

  it('twenty concurrent locks with funds for ten leave ten applied and the rest refused', async () => {
    const userId = await newUser(pincex, { USD: '100' });
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        pincex.bookkeeper.lockFunds({
          id: `l-${i}`,
          userId,
          currency: 'USD',
          amount: '10',
          orderId: `o-${i}`,
        }),
      ),
    );
    expect(results.filter(({ status }) => status === 'applied')).toHaveLength(10);
    expect(await funds(pincex, userId, 'USD')).toBe('0 / 100');
  });

  it('concurrent trades of one order never fill more than its quantity', async () => {
    const [buyer, seller] = [await newUser(pincex, { USD: '100' }), await newUser(pincex, { BTC: '100' })];
    const order = { symbol: 'BTC/USD', type: 'limit', price: '10' } as const;
    expectApplied(
      await pincex.trading.batchPlaceOrders([
        { ...order, id: `buy-${buyer}`, userId: buyer, side: 'buy', quantity: '10' },
        { ...order, id: `sell-${seller}`, userId: seller, side: 'sell', quantity: '100' },
      ]),
    );
    const trades = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        pincex.trading.batchSettleTrades([
          {
            id: `t-${i}`,
            symbol: 'BTC/USD',
            price: '10',
            quantity: '1',
            buyUserId: buyer,
            buyOrderId: `buy-${buyer}`,
            sellUserId: seller,
            sellOrderId: `sell-${seller}`,
            takerSide: 'buy',
          },
        ]),
      ),
    );
    expect(trades.filter(({ status }) => status === 'applied')).toHaveLength(10);
    expect(await pincex.trading.getOrder(`buy-${buyer}`)).toMatchObject({
      status: 'filled',
      filledQuantity: '10',
    });
    expect(await funds(pincex, buyer, 'BTC')).toBe('10 / 0');
    expect(await funds(pincex, seller, 'USD')).toBe('100 / 0');
  });
});
