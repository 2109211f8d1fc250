import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Page, PageOptions } from '../../src/index.ts';
import { expectApplied, fresh, newUser, useBooks } from '../support/books.ts';

/** Support reads histories in pages that go on at both ends. */

const books = useBooks();

type List<Row> = (options: PageOptions) => Promise<Page<Row>>;

/** All rows of a list, page by page towards the older ones; and again from the last page back to the newest. */
async function bothWays<Row>(list: List<Row>, limit: number): Promise<{ down: Row[]; up: Row[] }> {
  const first = await list({ limit });
  expect(first.newer).toBeNull();
  const down = [...first.rows];
  let page = first;
  while (page.older !== null) {
    page = await list({ limit, cursor: page.older });
    down.push(...page.rows);
  }
  const up = [...page.rows];
  while (page.newer !== null) {
    page = await list({ limit, cursor: page.newer });
    up.unshift(...page.rows);
  }
  return { down, up };
}

/** A user with orders, trades, holds and transactions. */
async function activeUser(): Promise<{ userId: string; other: string }> {
  const { trading, bookkeeper } = books.pincex;
  const [userId, other] = [
    await newUser(books.pincex, { USD: '1000', BTC: '1' }),
    await newUser(books.pincex, { USD: '1000', BTC: '10' }),
  ];
  const limit = { symbol: 'BTC/USD', type: 'limit', price: '10' } as const;
  const ids = Array.from({ length: 12 }, (_, n) => `o${n}`);
  expectApplied(
    await trading.batchPlaceOrders([
      ...ids.map((id) => ({ id, userId, side: 'buy' as const, ...limit, quantity: '1' })),
      { id: 'sell', userId: other, side: 'sell', ...limit, quantity: '7' },
    ]),
  );
  const trades = ids.slice(0, 7).map((id) => ({
    id: `t-${id}`,
    symbol: 'BTC/USD',
    price: '10',
    quantity: '1',
    buyUserId: userId,
    buyOrderId: id,
    sellUserId: other,
    sellOrderId: 'sell',
    takerSide: 'sell' as const,
  }));
  expectApplied(await trading.batchSettleTrades(trades));
  const amounts = ids.map((id) => ({ id: `w-${id}`, userId, currency: 'USD', amount: '1' }));
  expectApplied(await bookkeeper.batchWithdraw(amounts));
  return { userId, other };
}

describe('pages of a list', () => {
  it.each([1, 3, 5, 100])('pages of %i rows have every row once, in both directions', async (limit) => {
    const { lookup } = books.pincex;
    const { userId, other } = await activeUser();
    const lists: Record<string, { list: List<object>; count: number }> = {
      entries: { list: (options) => lookup.listEntries(userId, 'USD', options), count: 1 + 12 + 7 + 12 },
      holds: { list: (options) => lookup.listHolds(userId, options), count: 5 },
      orders: { list: (options) => lookup.listOrders(userId, options), count: 12 },
      open: { list: (options) => lookup.listOrders(userId, { ...options, statuses: ['open'] }), count: 5 },
      filled: {
        list: (options) =>
          lookup.listOrders(userId, { ...options, statuses: ['filled', 'open'], symbol: 'BTC/USD' }),
        count: 12,
      },
      trades: { list: (options) => lookup.listTrades(userId, { ...options, symbol: 'BTC/USD' }), count: 7 },
      ofOrder: { list: (options) => lookup.listOrderTrades(other, 'sell', options), count: 7 },
      transactions: { list: (options) => lookup.listTransactions(userId, options), count: 2 + 12 },
    };
    for (const [name, { list, count }] of Object.entries(lists)) {
      const { down, up } = await bothWays(list, limit);
      expect(down, name).toHaveLength(count);
      expect(new Set(down.map((row) => JSON.stringify(row))).size, name).toBe(count);
      expect(up, name).toEqual(down);
    }
  });

  it('rows that are added meanwhile come on the newer side, and none is read twice', async () => {
    const { lookup, bookkeeper } = books.pincex;
    const userId = await newUser(books.pincex, { USD: '10' });
    const spend = async (id: string) => {
      expectApplied(await bookkeeper.batchWithdraw([{ id, userId, currency: 'USD', amount: '1' }]));
    };
    for (const id of ['a', 'b', 'c']) await spend(id);
    const first = await lookup.listTransactions(userId, { limit: 2 });
    await spend('d');
    const second = await lookup.listTransactions(userId, { limit: 2, cursor: first.older });
    const back = await lookup.listTransactions(userId, { limit: 2, cursor: second.newer });
    const newest = await lookup.listTransactions(userId, { limit: 2, cursor: back.newer });
    const ids = [first, second, back, newest].map(({ rows }) => rows.map(({ id }) => id));
    expect(ids).toEqual([['c', 'b'], ['a', 'funds-USD'], ['c', 'b'], ['d']]);
    expect(newest.newer).toBeNull();
    const none = await lookup.listTransactions(userId, { limit: 2, cursor: newest.older });
    expect(none.rows.map(({ id }) => id)).toEqual(['c', 'b']);
  });

  it('a cursor of another list, another user or a changed text is refused', async () => {
    const { lookup } = books.pincex;
    const { userId, other } = await activeUser();
    const { older } = await lookup.listOrders(userId, { limit: 1 });
    const refused = { code: 'invalid_argument' };
    await expect(lookup.listTrades(userId, { cursor: older })).rejects.toMatchObject(refused);
    await expect(lookup.listOrders(other, { cursor: older })).rejects.toMatchObject(refused);
    await expect(lookup.listOrders(userId, { cursor: `${older ?? ''}A` })).rejects.toMatchObject(refused);
    const forged = Buffer.from(JSON.stringify(['orders', userId, 'older', 'no time', 'x'])).toString(
      'base64url',
    );
    await expect(lookup.listOrders(userId, { cursor: forged })).rejects.toMatchObject(refused);
    await expect(lookup.listOrders(userId, { limit: 1_001 })).rejects.toMatchObject(refused);
    await expect(lookup.listOrders(userId, { from: 'yesterday' })).rejects.toMatchObject(refused);
  });
});

describe('a range of times', () => {
  it('a range has the rows from its beginning on and before its end, in lists and in accounts as of a time', async () => {
    const { lookup, bookkeeper } = books.pincex;
    const userId = await newUser(books.pincex, { USD: '10' });
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      expectApplied(await bookkeeper.batchWithdraw([{ id, userId, currency: 'USD', amount: '1' }]));
    }
    const { rows } = await lookup.listEntries(userId, 'USD');
    const times = rows.map(({ createdAt }) => createdAt);
    for (const [from, newest] of times.entries()) {
      for (const [to, end] of times.entries()) {
        const range = { from: newest, to: end };
        const wanted = rows.slice(to + 1, from + 1);
        expect((await lookup.listEntries(userId, 'USD', range)).rows).toEqual(wanted);
        const ids = (await lookup.listTransactions(userId, range)).rows.map(({ id }) => id);
        expect(ids).toEqual(wanted.map(({ operationId }) => operationId));
      }
      const [before] = await lookup.getAccounts(userId, { at: newest });
      expect(before?.version ?? 0).toBe(rows.length - from - 1);
      expect(before?.available).toBe(rows[from + 1]?.available);
    }
    expect(await lookup.getAccounts(userId)).toEqual([
      expect.objectContaining({ currency: 'USD', available: '5', version: 6 }),
    ]);
  });
});

describe('a look-up', () => {
  it('a look-up leads from a user to an order, to its trades and to the batch', async () => {
    const { lookup } = books.pincex;
    const { userId } = await activeUser();
    const { rows: orders } = await lookup.listOrders(userId, { statuses: ['filled'] });
    const order = await lookup.getOrder(userId, orders[0]?.id ?? '');
    expect(order).toMatchObject({
      order: { status: 'filled' },
      holds: [],
      operation: { type: 'placeOrder' },
    });
    const { rows: trades } = await lookup.listOrderTrades(userId, order?.order.id ?? '');
    const trade = await lookup.getTrade(trades[0]?.id ?? '');
    expect(trade.trades).toContainEqual(trades[0]);
    const operation = trade.operations.find((one) => one.userId === userId);
    expect(operation).toMatchObject({ type: 'settleTrade', outcome: { tradeId: trades[0]?.id } });
    const batch = await lookup.getBatch(operation?.batchId ?? '');
    expect(batch).toMatchObject({ call: null, older: null, newer: null });
    expect(batch.rows).toContainEqual(operation);
    expect(batch.rows).toHaveLength(14);
  });

  it('nothing is found of what does not exist, and an id that is no UUID is no batch', async () => {
    const { lookup } = books.pincex;
    const nobody = fresh('nobody');
    expect(await lookup.getAccounts(nobody)).toEqual([]);
    expect(await lookup.getOrder(nobody, 'x')).toBeNull();
    expect(await lookup.findOrders(nobody)).toEqual([]);
    expect(await lookup.getTrade('\0')).toEqual({ trades: [], operations: [] });
    expect((await lookup.listHolds(nobody)).rows).toEqual([]);
    expect((await lookup.getBatch(randomUUID())).rows).toEqual([]);
    await expect(lookup.getBatch('x')).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('an order of several users is found by its id alone', async () => {
    const { userId } = await activeUser();
    const found = await books.pincex.lookup.findOrders('o1');
    expect(found.map((order) => order.userId)).toContain(userId);
  });

  it('the totals of a currency add up to zero with those of the system', async () => {
    const totals = await books.pincex.lookup.getTotals();
    const usd = totals.find(({ currency }) => currency === 'USD');
    expect(usd?.system.balance).toBe(`-${usd?.users.balance ?? ''}`);
  });
});
