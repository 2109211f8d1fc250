import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { limits } from '../../src/limits.ts';
import { Trading } from '../../src/services/trading.ts';
import { configOf, expectApplied, newUser, useBooks } from '../support/books.ts';
import { serve } from './support.ts';

const books = useBooks();

const many = (count: number, value: string): string[] => Array<string>(count).fill(value);

/** The order `buy` has two trades. */
beforeAll(async () => {
  const [buyer, seller] = [
    await newUser(books.pincex, { USD: '1000' }),
    await newUser(books.pincex, { BTC: '2' }),
  ];
  const order = { symbol: 'BTC/USD', type: 'limit', price: '100.00', quantity: '2' } as const;
  const { trading } = books.pincex;
  await trading.placeOrders([
    { ...order, id: 'buy', userId: buyer, side: 'buy' },
    { ...order, id: 'sell', userId: seller, side: 'sell' },
  ]);
  const trade = {
    symbol: 'BTC/USD',
    price: '100.00',
    quantity: '1',
    buyUserId: buyer,
    buyOrderId: 'buy',
    sellUserId: seller,
    sellOrderId: 'sell',
    takerSide: 'buy',
  } as const;
  expectApplied(await trading.settleTrades(['t1', 't2'].map((id) => ({ ...trade, id }))));
});

it('a read that could have more rows than an answer may is refused before anything is read', async () => {
  const { post } = await serve(books);
  const userId = await newUser(books.pincex, { USD: '1' });
  const users = limits.readRows / 1_000;
  const orders = (count: number) =>
    post('/v1/users/orders/batch-get', { userIds: many(count, userId), limit: 1_000 });
  expect((await orders(users)).status).toBe(200);
  expect(await orders(users + 1)).toMatchObject({
    status: 413,
    body: { code: 'batch_too_large', detail: expect.stringContaining('101 users with up to 1000') as string },
  });
  const markets = limits.readRows / 2_000;
  const booksOf = (count: number) =>
    post('/v1/order-books/batch-get', { symbols: many(count, 'BTC/USD'), depth: 1_000 });
  expect((await booksOf(markets)).status).toBe(200);
  expect((await booksOf(markets + 1)).status).toBe(413);
});

it('nobody can ask for the head of what is read; whoever sends calls here can ask for that of health', async () => {
  const { url, key } = await serve(books);
  const headers = { authorization: `Bearer ${key}` };
  for (const path of ['/v1/stream/journal', '/v1/limits']) {
    expect((await fetch(`${url}${path}`, { method: 'HEAD', headers })).status).toBe(404);
  }
  for (const path of ['/healthz', '/readyz']) {
    expect((await fetch(`${url}${path}`, { method: 'HEAD' })).status).toBe(200);
  }
});

it('trades are counted before they are read, those of an order as often as it is named', async () => {
  const { post } = await serve(books);
  const read = vi.spyOn(Trading.prototype, 'batchGetTradesByOrderIds');
  onTestFinished(() => {
    read.mockRestore();
  });
  const orders = limits.readRows / 2;
  const trades = (count: number) => post('/v1/trades/batch-get', { orderIds: many(count, 'buy') });
  expect((await trades(orders)).status).toBe(200);
  read.mockClear();
  expect(await trades(orders + 1)).toMatchObject({
    status: 413,
    body: {
      code: 'batch_too_large',
      detail: expect.stringContaining('50001 orders with 100001 trades or more') as string,
    },
  });
  expect(read).not.toHaveBeenCalled();
});

it('an order that is named often is read once, and stands in the answer as often as it was named', async () => {
  const { post } = await serve(books);
  const read = vi.spyOn(Trading.prototype, 'batchGetTradesByOrderIds');
  onTestFinished(() => {
    read.mockRestore();
  });
  const ask = (orderIds: string[]) => post('/v1/trades/batch-get', { orderIds, fresh: true });
  const answer = await ask(['none', 'buy', 'none', 'buy']);
  const bought = [{ id: 't1' }, { id: 't2' }];
  expect(answer).toMatchObject({ status: 200, body: { trades: [[], bought, [], bought] } });
  expect(read.mock.lastCall?.[0]).toEqual(['none', 'buy']);
  expect((await ask(many(limits.readKeys, 'none'))).status).toBe(200);
  expect(await ask(many(limits.readKeys + 1, 'none'))).toMatchObject({
    status: 413,
    body: { code: 'batch_too_large', detail: expect.stringContaining('got 100001') as string },
  });
});

it('orders and accounts that are named often are asked for once, also past the cache', async () => {
  const asked: string[] = [];
  const pincex = await Pincex.open({
    config: configOf(books.url),
    onStatement: ({ values }) => asked.push(...values.map(String)),
  });
  onTestFinished(() => pincex.close());
  const [buy] = await pincex.trading.batchGetOrdersByIds(['buy']);
  const twice = { minVersions: [999, 999] };
  asked.length = 0;
  expect(await pincex.trading.batchGetOrdersByIds(['buy', 'buy'], twice)).toEqual([buy, buy]);
  await pincex.bookkeeper.batchGetAccounts(['nobody', 'nobody'], ['USD'], twice);
  const lists = asked.filter((value) => /buy|nobody/.test(value));
  expect(lists.length).toBeGreaterThan(0);
  for (const list of lists) expect(list.match(/buy|nobody/g)).toHaveLength(1);
});

it('users and markets that are named often are read once, too, and stand in the answer as often', async () => {
  const { post } = await serve(books);
  const reads = [
    vi.spyOn(Trading.prototype, 'batchGetUserOrders'),
    vi.spyOn(Trading.prototype, 'batchGetOrderBooks'),
  ] as const;
  onTestFinished(() => {
    for (const read of reads) read.mockRestore();
  });
  const userId = await newUser(books.pincex, { USD: '1' });
  const order = { id: 'one', userId, symbol: 'BTC/USD', side: 'buy', type: 'limit' } as const;
  expectApplied(await books.pincex.trading.batchCreateOrders([{ ...order, price: '90.00', quantity: '1' }]));
  const own = [{ id: 'one' }];
  const orders = await post('/v1/users/orders/batch-get', {
    userIds: ['none', userId, 'none', userId],
    symbol: 'BTC/USD',
  });
  expect(orders).toMatchObject({ status: 200, body: { orders: [[], own, [], own] } });
  expect(reads[0].mock.lastCall?.[0]).toEqual(['none', userId]);
  const book = { symbol: 'BTC/USD', bids: [{ price: '90', quantity: '1', orders: 1 }], asks: [] };
  const none = { symbol: 'NO/NE', bids: [], asks: [] };
  const answer = await post('/v1/order-books/batch-get', {
    symbols: ['BTC/USD', 'NO/NE', 'BTC/USD'],
  });
  expect(answer).toMatchObject({ status: 200, body: { orderBooks: [book, none, book] } });
  expect(reads[1].mock.lastCall?.[0]).toEqual(['BTC/USD', 'NO/NE']);
});
