import { describe, expect, it } from 'vitest';
import type { PlaceOrder } from '../../src/index.ts';
import { expectApplied, fresh, newUser, useBooks } from '../support/books.ts';

/** Every row has a time of its own: the rows of one batch are in the order of its items, whatever their ids are. */

const books = useBooks();

const NUMBERS = Array.from({ length: 12 }, (_, n) => String(n + 1));

const order = (id: string, userId: string, side: 'buy' | 'sell' = 'buy', price = '10'): PlaceOrder => ({
  id,
  userId,
  symbol: 'BTC/USD',
  side,
  type: 'limit',
  quantity: '1',
  price,
});

const idsOf = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);

describe('the rows of one batch', () => {
  it('orders placed in one batch are listed newest first, by the order of the items', async () => {
    const userId = await newUser(books.pincex, { USD: '1000' });
    expectApplied(await books.pincex.trading.batchPlaceOrders(NUMBERS.map((id) => order(id, userId))));
    expect(idsOf(await books.pincex.trading.getUserOrders(userId))).toEqual([...NUMBERS].reverse());
    const [open] = await books.pincex.trading.batchGetOpenOrdersByUsers([userId]);
    expect(idsOf(open!)).toEqual([...NUMBERS].reverse());
    const times = (await books.pincex.trading.getUserOrders(userId)).map(({ createdAt }) => createdAt);
    expect(new Set(times).size).toBe(NUMBERS.length);
    expect([...times].sort().reverse()).toEqual(times);
  });

  it('trades settled in one batch are listed oldest first, by the order of the items', async () => {
    const buyer = await newUser(books.pincex, { USD: '1000' });
    const seller = await newUser(books.pincex, { BTC: '100' });
    const [buyOrderId, sellOrderId] = [fresh('buy'), fresh('sell')];
    expectApplied(
      await books.pincex.trading.batchPlaceOrders([
        { ...order(buyOrderId, buyer), quantity: '12' },
        { ...order(sellOrderId, seller, 'sell'), quantity: '12' },
      ]),
    );
    const trade = { symbol: 'BTC/USD', price: '10', quantity: '1', takerSide: 'buy' } as const;
    const sides = { buyUserId: buyer, buyOrderId, sellUserId: seller, sellOrderId };
    expectApplied(
      await books.pincex.trading.batchSettleTrades(NUMBERS.map((id) => ({ id, ...trade, ...sides }))),
    );
    const [trades] = await books.pincex.trading.batchGetTradesByOrderIds([buyOrderId]);
    expect(idsOf(trades!)).toEqual(NUMBERS);
  });

  it('journal entries and transactions have times that rise within a batch and from batch to batch', async () => {
    const userId = fresh('user');
    const deposits = (from: string) =>
      NUMBERS.map((id) => ({ id: `${from}-${id}`, userId, currency: 'USD', amount: '1' }));
    expectApplied(await books.pincex.bookkeeper.batchDeposit(deposits('a')));
    expectApplied(await books.pincex.bookkeeper.batchDeposit(deposits('b')));
    const wanted = [...deposits('a'), ...deposits('b')].map(({ id }) => id);
    for (const [table, id] of [
      ['journal', 'operation_id'],
      ['transactions', 'id'],
    ]) {
      const rows = await books.sql<{ id: string; distinct: boolean }>(
        `SELECT ${id} AS id, created_at > lag(created_at) OVER (ORDER BY created_at) AS distinct
         FROM ${table} WHERE user_id = $1 ORDER BY created_at`,
        [userId],
      );
      expect(idsOf(rows)).toEqual(wanted);
      expect(rows.slice(1).every(({ distinct }) => distinct)).toBe(true);
    }
  });

  it('rows are timed in the order in which they took effect, so that a whole group comes before an item between its items', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const items = [
      { command: 'placeOrder' as const, ...order('1', userId), group: 'g' },
      { command: 'placeOrder' as const, ...order('2', userId) },
      { command: 'placeOrder' as const, ...order('3', userId), group: 'g' },
    ];
    expectApplied(await books.pincex.execute(items));
    expect(idsOf(await books.pincex.trading.getUserOrders(userId))).toEqual(['2', '3', '1']);
  });
});

describe('the open orders of a market', () => {
  async function newMarket(): Promise<string> {
    const code = fresh('M').replace('-', '').slice(0, 12).toUpperCase();
    await books.pincex.catalog.addCurrency(code, 4);
    return (await books.pincex.catalog.addMarket(`${code}/USD`, '0.01', '0.01')).symbol;
  }

  it('open orders come in price-time priority: the best price first, and the oldest first at one price', async () => {
    const symbol = await newMarket();
    const [base = ''] = symbol.split('/');
    const [buyer, seller] = [
      await newUser(books.pincex, { USD: '10000' }),
      await newUser(books.pincex, { [base]: '100' }),
    ];
    const placed = [
      order('9', buyer, 'buy', '10'),
      order('8', buyer, 'buy', '11'),
      order('7', buyer, 'buy', '10'),
      order('12', seller, 'sell', '13'),
      order('11', seller, 'sell', '12'),
      order('10', seller, 'sell', '13'),
      order('1', buyer, 'buy', '11'),
    ];
    expectApplied(await books.pincex.trading.batchPlaceOrders(placed.map((item) => ({ ...item, symbol }))));
    const [standing] = await books.pincex.trading.batchGetOpenOrders([symbol]);
    expect(idsOf(standing!.bids)).toEqual(['8', '1', '9', '7']);
    expect(idsOf(standing!.asks)).toEqual(['11', '12', '10']);
    expect(standing!.symbol).toBe(symbol);
  });

  it('a partly filled order keeps its place, and an ended order leaves it', async () => {
    const symbol = await newMarket();
    const userId = await newUser(books.pincex);
    const created = ['1', '2', '3'].map((id) => ({ ...order(id, userId), symbol }));
    expectApplied(await books.pincex.trading.batchCreateOrders(created));
    expectApplied(
      await books.pincex.trading.batchUpdateOrderStatus([
        { id: 's1', userId, orderId: '1', status: 'partially_filled', filledQuantity: '0.5' },
        { id: 's2', userId, orderId: '2', status: 'cancelled' },
      ]),
    );
    const [standing] = await books.pincex.trading.batchGetOpenOrders([symbol]);
    expect(idsOf(standing!.bids)).toEqual(['1', '3']);
  });

  it('a stop order has its place from the time when it was triggered', async () => {
    const symbol = await newMarket();
    const userId = await newUser(books.pincex);
    const stops = ['1', '2'].map((id): PlaceOrder => ({
      ...order(id, userId),
      symbol,
      type: 'stop_limit',
      stopPrice: '9',
    }));
    expectApplied(await books.pincex.trading.batchCreateOrders(stops));
    expectApplied(await books.pincex.trading.batchCreateOrders([{ ...order('3', userId), symbol }]));
    const bids = async () => idsOf((await books.pincex.trading.batchGetOpenOrders([symbol]))[0]!.bids);
    expect(await bids()).toEqual(['3']);
    const opened = ['2', '1'].map((orderId) => ({
      id: `open-${orderId}`,
      userId,
      orderId,
      status: 'open' as const,
    }));
    expectApplied(await books.pincex.trading.batchUpdateOrderStatus(opened));
    expect(await bids()).toEqual(['3', '2', '1']);
  });

  it('open orders come as one list for each market, in the order asked for, twice where it is named twice', async () => {
    const [one, two] = [await newMarket(), await newMarket()];
    const userId = await newUser(books.pincex);
    expectApplied(await books.pincex.trading.batchCreateOrders([{ ...order('1', userId), symbol: two }]));
    const lists = await books.pincex.trading.batchGetOpenOrders([two, one, two]);
    expect(lists.map(({ symbol, bids }) => [symbol, idsOf(bids)])).toEqual([
      [two, ['1']],
      [one, []],
      [two, ['1']],
    ]);
    expect(await books.pincex.trading.batchGetOpenOrders([])).toEqual([]);
  });
});
