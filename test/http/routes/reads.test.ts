import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Pincex } from '../../../src/index.ts';
import { limits } from '../../../src/limits.ts';
import { Trading } from '../../../src/services/trading.ts';
import { configOf, expectApplied, newUser, useBooks } from '../../support/books.ts';
import { useService } from '../support.ts';

const books = useBooks();
const service = useService(books);
const { post } = service;

const many = (count: number, value: string): string[] => Array<string>(count).fill(value);

/** The order `buy` has two trades. */
beforeAll(async () => {
  const [buyer, seller] = [
    await newUser(books.pincex, { USD: '1000' }),
    await newUser(books.pincex, { BTC: '2' }),
  ];
  const order = { symbol: 'BTC/USD', type: 'limit', price: '100.00', quantity: '2' } as const;
  const { trading } = books.pincex;
  await trading.batchPlaceOrders([
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
  expectApplied(await trading.batchSettleTrades(['t1', 't2'].map((id) => ({ ...trade, id }))));
});

describe('a read that could have more rows than an answer may', () => {
  const most = limits.http.readRows;
  it.each<[string, string, (count: number) => object, most: number, detail: string]>([
    [
      'of accounts',
      '/v1/accounts/batch-get',
      (count) => ({ userIds: many(count, 'user'), currencies: ['USD', 'BTC'] }),
      most / 2,
      '10001 users in 2',
    ],
    ['of orders', '/v1/orders/batch-get', (count) => ({ ids: many(count, 'buy') }), most, '20001'],
    [
      'of the orders of users',
      '/v1/users/orders/batch-get',
      (count) => ({ userIds: many(count, 'user'), limit: 1_000 }),
      most / 1_000,
      '21 users with up to 1000',
    ],
    [
      'of order books',
      '/v1/order-books/batch-get',
      (count) => ({ symbols: many(count, 'BTC/USD'), depth: 1_000 }),
      most / 2_000,
      '11 ',
    ],
  ])(
    'a read %s that could have more rows than an answer may is refused before anything is read',
    async (_, path, bodyOf, allowed, detail) => {
      expect((await post(path, bodyOf(allowed))).status).toBe(200);
      expect(await post(path, bodyOf(allowed + 1))).toMatchObject({
        status: 413,
        body: { code: 'batch_too_large', detail: expect.stringContaining(detail) as string },
      });
    },
  );
});

it('trades are counted before they are read, those of an order as often as it is named', async () => {
  const read = vi.spyOn(Trading.prototype, 'batchGetTradesByOrderIds');
  onTestFinished(() => {
    read.mockRestore();
  });
  const orders = limits.http.readRows / 2;
  const trades = (count: number) => post('/v1/trades/batch-get', { orderIds: many(count, 'buy') });
  expect((await trades(orders)).status).toBe(200);
  read.mockClear();
  expect(await trades(orders + 1)).toMatchObject({
    status: 413,
    body: {
      code: 'batch_too_large',
      detail: expect.stringContaining('10001 orders with 20001 trades or more') as string,
    },
  });
  expect(read).not.toHaveBeenCalled();
});

it('an order that is named often stands in the answer as often, and may be named as often as there may be keys', async () => {
  const ask = (orderIds: string[]) => post('/v1/trades/batch-get', { orderIds, fresh: true });
  const answer = await ask(['none', 'buy', 'none', 'buy']);
  const bought = [{ id: 't1' }, { id: 't2' }];
  expect(answer).toMatchObject({ status: 200, body: { trades: [[], bought, [], bought] } });
  expect((await ask(many(limits.reads.keys, 'none'))).status).toBe(200);
  expect(await ask(many(limits.reads.keys + 1, 'none'))).toMatchObject({
    status: 413,
    body: { code: 'batch_too_large', detail: expect.stringContaining('got 100001') as string },
  });
});

it('fresh reads see what another process has written, where other reads may see what was cached', async () => {
  const [userId, seller] = [
    await newUser(books.pincex, { USD: '1000' }),
    await newUser(books.pincex, { BTC: '2' }),
  ];
  const { trading } = books.pincex;
  const order = { symbol: 'BTC/USD', type: 'limit', price: '100.00', quantity: '2' } as const;
  const place = (id: string, userId: string, side: 'buy' | 'sell') =>
    trading.batchPlaceOrders([{ ...order, id, userId, side }]);
  expectApplied(await place('bid', userId, 'buy'));
  expectApplied(await place('ask', seller, 'sell'));
  const counts = async (options: { fresh?: boolean }): Promise<number[]> => {
    const trades = await post<{ trades: unknown[][] }>('/v1/trades/batch-get', {
      orderIds: ['bid'],
      ...options,
    });
    const orders = await post<{ orders: unknown[][] }>('/v1/users/orders/batch-get', {
      userIds: [userId],
      ...options,
    });
    return [trades.body.trades[0]!.length, orders.body.orders[0]!.length];
  };
  expect(await counts({})).toEqual([0, 1]);
  const side = { buyUserId: userId, buyOrderId: 'bid', sellUserId: seller, sellOrderId: 'ask' };
  const trade = { id: 't3', symbol: 'BTC/USD', price: '100.00', quantity: '1', takerSide: 'buy' } as const;
  expectApplied(await trading.batchSettleTrades([{ ...trade, ...side }]));
  expectApplied(await place('bid-2', userId, 'buy'));
  expect(await counts({ fresh: false })).toEqual([0, 1]);
  expect(await counts({ fresh: true })).toEqual([1, 2]);
});

it('ids that PostgreSQL cannot take have no rows, like any other id that does not exist', async () => {
  const ids = ['a\0', '\ud800'];
  for (const [path, body, answer] of [
    ['/v1/trades/batch-get', { orderIds: ids }, { trades: [[], []] }],
    ['/v1/orders/batch-get', { ids }, { orders: [null, null] }],
    ['/v1/users/orders/batch-get', { userIds: ids }, { orders: [[], []] }],
    ['/v1/accounts/batch-get', { userIds: ids, currencies: ['USD'] }, { accounts: [null, null] }],
  ] as const) {
    expect([path, await post(path, body)]).toMatchObject([path, { status: 200, body: answer }]);
  }
});

it('a read of an unknown currency or market is refused with its place in the body', async () => {
  for (const [path, body, code, pointer] of [
    ['/v1/accounts/batch-get', { userIds: ['u'], currencies: ['usd'] }, 'unknown_currency', '/currencies'],
    ['/v1/order-books/batch-get', { symbols: ['a\0'] }, 'unknown_market', '/symbols'],
    ['/v1/orders/open/batch-get', { symbols: ['NOPE/USD'] }, 'unknown_market', '/symbols'],
    ['/v1/users/orders/batch-get', { userIds: ['u'], symbol: 'btc/usd' }, 'unknown_market', '/symbol'],
  ] as const) {
    expect([path, await post(path, body)]).toMatchObject([
      path,
      { status: 400, body: { code, retryable: false, errors: [{ pointer }] } },
    ]);
  }
});

it('a key that is named often is asked for once, in every read, also past the cache', async () => {
  const asked: string[] = [];
  const pincex = await Pincex.open({
    config: configOf(books.url),
    onStatement: ({ values }) => asked.push(...values.map(String)),
  });
  onTestFinished(() => pincex.close());
  const { bookkeeper, trading } = pincex;
  const [buy] = await trading.batchGetOrdersByIds(['buy']);
  const trades = await trading.batchGetTradesByOrderIds(['buy']);
  const { userId } = buy!;
  const order = { id: 'open', userId, symbol: 'BTC/USD', side: 'buy', type: 'limit' } as const;
  expectApplied(await trading.batchCreateOrders([{ ...order, price: '90.00', quantity: '1' }]));
  const [own] = await trading.batchGetUserOrders([userId], { fresh: true });
  const [book] = await trading.batchGetOrderBooks(['BTC/USD']);
  expect(book?.bids).toContainEqual({ price: '90', quantity: '1', orders: 1 });
  const twice = { minVersions: [999, 999] };
  const reads: readonly (readonly [name: string, read: () => Promise<unknown[]>, value: unknown])[] = [
    ['buy', () => trading.batchGetOrdersByIds(['buy', 'buy'], twice), buy],
    ['nobody', () => bookkeeper.batchGetAccounts(['nobody', 'nobody'], ['USD'], twice), null],
    ['buy', () => trading.batchGetTradesByOrderIds(['buy', 'buy'], { fresh: true }), trades[0]],
    [userId, () => trading.batchGetUserOrders([userId, userId], { fresh: true }), own],
    [userId, () => trading.batchGetUserOrders([userId, userId], { symbol: 'BTC/USD' }), own],
    ['BTC/USD', () => trading.batchGetOrderBooks(['BTC/USD', 'BTC/USD']), book],
  ];
  for (const [name, read, value] of reads) {
    asked.length = 0;
    expect(await read()).toEqual([value, value]);
    const lists = asked.filter((list) => list.includes(name));
    expect(lists.length).toBeGreaterThan(0);
    for (const list of lists) expect(list.split(name)).toHaveLength(2);
  }
});
