import { beforeAll, describe, expect, it } from 'vitest';
import { ORDER_STATUSES } from '../../src/books/orders.ts';
import { limits, type OrderStatus } from '../../src/index.ts';
import { anyway, expectApplied, fresh, newUser, useBooks } from '../support/books.ts';

/** A read returns one entry for each key, in the order asked for; a missing row is a null, and no id breaks a read. */

const books = useBooks();
const IMPOSSIBLE = [
  '',
  'a\0b',
  '\0',
  'half \ud800',
  'x'.repeat(128),
  "'; DROP TABLE orders; --",
  '{"a"}',
  '\\',
];

let ann: string;
let bob: string;
beforeAll(async () => {
  ann = await newUser(books.pincex, { USD: '1000', BTC: '10' });
  bob = await newUser(books.pincex, { USD: '1000' });
  const order = { userId: ann, side: 'buy', type: 'limit', quantity: '1' } as const;
  for (let i = 0; i < 6; i++) {
    expectApplied(
      await books.pincex.trading.batchPlaceOrders([
        { ...order, id: `${ann}-${i}`, symbol: i < 4 ? 'BTC/USD' : 'ETH/USD', price: String(10 + i) },
      ]),
    );
  }
  expectApplied(
    await books.pincex.trading.batchCancelOrders([
      { id: 'c0', userId: ann, orderId: `${ann}-0` },
      { id: 'c4', userId: ann, orderId: `${ann}-4` },
    ]),
  );
});

describe('accounts', () => {
  it('accounts come for each user in turn, one for each currency in turn, null where there is none', async () => {
    const accounts = await books.pincex.bookkeeper.batchGetAccounts(
      [bob, 'nobody', ann, bob],
      ['BTC', 'USD', 'DAI'],
    );
    expect(
      accounts.map((account) => (account === null ? null : `${account.userId} ${account.currency}`)),
    ).toEqual([
      null,
      `${bob} USD`,
      null,
      null,
      null,
      null,
      `${ann} BTC`,
      `${ann} USD`,
      null,
      null,
      `${bob} USD`,
      null,
    ]);
    expect(accounts[7]).toEqual({
      userId: ann,
      currency: 'USD',
      available: '949',
      locked: '51',
      balance: '1000',
      version: 9,
      updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string,
    });
  });

  it('accounts of impossible ids are null, and do not affect the others', async () => {
    const accounts = await books.pincex.bookkeeper.batchGetAccounts([...IMPOSSIBLE, bob], ['USD', 'DAI']);
    expect(accounts).toHaveLength(2 * IMPOSSIBLE.length + 2);
    expect(accounts.filter((account) => account !== null).map(({ userId }) => userId)).toEqual([bob]);
    expect(await books.pincex.bookkeeper.batchGetAccounts([], ['USD'])).toEqual([]);
    expect(await books.pincex.bookkeeper.batchGetAccounts([ann], [])).toEqual([]);
  });
});

describe('orders by their ids', () => {
  it('orders come in the order of the ids, twice where asked twice, null where there is none', async () => {
    const ids = [`${ann}-2`, 'none', `${ann}-0`, `${ann}-2`, ...IMPOSSIBLE];
    const orders = await books.pincex.trading.batchGetOrdersByIds(ids);
    expect(orders.map((order) => order?.id ?? null)).toEqual([
      `${ann}-2`,
      null,
      `${ann}-0`,
      `${ann}-2`,
      ...IMPOSSIBLE.map(() => null),
    ]);
    expect(await books.pincex.trading.getOrder('none')).toBeNull();
    expect(await books.pincex.trading.batchGetOrdersByIds([])).toEqual([]);
  });
});

describe("a user's orders", () => {
  const idsOf = async (
    filter: Parameters<typeof books.pincex.trading.batchGetUserOrders>[1],
  ): Promise<string[]> =>
    (await books.pincex.trading.getUserOrders(ann, filter)).map(({ id }) => id.slice(ann.length + 1));

  it('orders come newest first, up to the limit, of the statuses and the market asked for', async () => {
    expect(await idsOf({})).toEqual(['5', '4', '3', '2', '1', '0']);
    expect(await idsOf({ limit: 2 })).toEqual(['5', '4']);
    expect(await idsOf({ statuses: ['open'] })).toEqual(['5', '3', '2', '1']);
    expect(await idsOf({ statuses: ['open'], limit: 1 })).toEqual(['5']);
    expect(await idsOf({ statuses: ['cancelled', 'filled'] })).toEqual(['4', '0']);
    expect(await idsOf({ symbol: 'BTC/USD' })).toEqual(['3', '2', '1', '0']);
    expect(await idsOf({ symbol: 'ETH/USD', statuses: ['cancelled'] })).toEqual(['4']);
    expect(await idsOf({ statuses: [] })).toEqual([]);
    // The limit counts the newest of all the statuses together; a status that is named twice counts once.
    expect(await idsOf({ statuses: ['cancelled', 'open', 'cancelled', 'filled'], limit: 3 })).toEqual([
      '5',
      '4',
      '3',
    ]);
    expect(await idsOf({ statuses: [...ORDER_STATUSES] })).toEqual(await idsOf({}));
    expect(await idsOf({ symbol: 'BTC/USD', statuses: ['filled', 'open'], limit: 2 })).toEqual(['3', '2']);
    expect(await idsOf({ symbol: 'LTC/BTC' })).toEqual([]);
  });

  it('a read of orders of an unknown market is refused', async () => {
    for (const symbol of ['NO/NE', 'BTC\0/USD', 'BTC/USD\0', 'BTC/USD\ud800', '']) {
      await expect(idsOf({ symbol })).rejects.toMatchObject({ code: 'unknown_market' });
      await expect(idsOf({ symbol, statuses: ['open'] })).rejects.toMatchObject({ code: 'unknown_market' });
    }
  });

  it('orders of several users come as one list for each user, in the order of the users', async () => {
    const lists = await books.pincex.trading.batchGetUserOrders([bob, ann, 'nobody', ...IMPOSSIBLE, ann], {
      limit: 1,
    });
    expect(lists.map((list) => list.length)).toEqual([0, 1, 0, ...IMPOSSIBLE.map(() => 0), 1]);
    const open = await books.pincex.trading.batchGetOpenOrdersByUsers([bob, ann], { limit: 3 });
    expect(open.map((list) => list.map(({ id }) => id))).toEqual([[], [`${ann}-5`, `${ann}-3`, `${ann}-2`]]);
    expect((await books.pincex.trading.batchGetOpenOrdersByUsers([ann]))[0]).toHaveLength(4);
  });
});

describe('trades', () => {
  it('trades come as one list for each order, oldest first, in the order of the order ids', async () => {
    const [buyer, seller] = [
      await newUser(books.pincex, { USD: '100' }),
      await newUser(books.pincex, { BTC: '10' }),
    ];
    const order = { symbol: 'LTC/BTC', type: 'limit', quantity: '3', price: '0.5' } as const;
    const [buy, sell] = [`${buyer}-o`, `${seller}-o`];
    await books.pincex.bookkeeper.deposit({ id: 'ltc', userId: buyer, currency: 'LTC', amount: '3' });
    expectApplied(
      await books.pincex.trading.batchPlaceOrders([
        { ...order, id: sell, userId: buyer, side: 'sell' },
        { ...order, id: buy, userId: seller, side: 'buy' },
      ]),
    );
    for (const id of ['c', 'a', 'b']) {
      expectApplied(
        await books.pincex.trading.batchSettleTrades([
          {
            id,
            symbol: 'LTC/BTC',
            price: '0.5',
            quantity: '1',
            buyUserId: seller,
            buyOrderId: buy,
            sellUserId: buyer,
            sellOrderId: sell,
            takerSide: 'sell',
          },
        ]),
      );
    }
    const lists = await books.pincex.trading.batchGetTradesByOrderIds([...IMPOSSIBLE, sell, 'none', buy]);
    expect(lists.map((list) => list.map(({ id }) => id).join(''))).toEqual([
      ...IMPOSSIBLE.map(() => ''),
      'cab',
      '',
      'cab',
    ]);
    expect(lists.at(-1)![0]).toEqual({
      id: 'c',
      userId: seller,
      orderId: buy,
      symbol: 'LTC/BTC',
      side: 'buy',
      price: '0.5',
      quantity: '1',
      quoteAmount: '0.5',
      fee: '0',
      liquidity: 'maker',
      executedAt: expect.stringMatching(/Z$/) as string,
    });
  });
});

describe('the order book', () => {
  it('the order book sums what is left at each price, best first, and an iceberg counts with its displayed quantity', async () => {
    await books.pincex.catalog.addMarket('LTC/DAI', '0.5', '0.01');
    const userId = await newUser(books.pincex, { LTC: '100', DAI: '1000' });
    const order = { userId, symbol: 'LTC/DAI', type: 'limit' } as const;
    const id = (): string => fresh('o');
    const [partly, iceberg, smaller] = [id(), id(), id()];
    expectApplied(
      await books.pincex.trading.batchCreateOrders([
        { ...order, id: id(), side: 'buy', quantity: '1', price: '10' },
        { ...order, id: id(), side: 'buy', quantity: '2.5', price: '10' },
        { ...order, id: partly, side: 'buy', quantity: '4', price: '9.5' },
        { ...order, id: id(), side: 'buy', quantity: '1', price: '9' },
        { ...order, id: iceberg, side: 'sell', quantity: '10', price: '11', displayQuantity: '2' },
        { ...order, id: smaller, side: 'sell', quantity: '3', price: '11', displayQuantity: '2' },
        { ...order, id: id(), side: 'sell', quantity: '1', price: '100.5' },
        {
          ...order,
          id: id(),
          side: 'sell',
          quantity: '7',
          price: '9.5',
          type: 'stop_limit',
          stopPrice: '9.5',
        },
        { ...order, id: id(), side: 'sell', quantity: '7', type: 'market' },
      ]),
    );
    const fill = { userId, status: 'partially_filled', filledQuantity: '2.5' } as const;
    expectApplied(
      await books.pincex.trading.batchUpdateOrderStatus([
        { ...fill, id: 'f1', orderId: partly },
        { ...fill, id: 'f2', orderId: smaller },
      ]),
    );
    const [book, none, again] = await books.pincex.trading.batchGetOrderBooks(
      ['LTC/DAI', 'ETH/BTC', 'LTC/DAI'],
      2,
    );
    expect(book).toEqual({
      symbol: 'LTC/DAI',
      bids: [
        { price: '10', quantity: '3.5', orders: 2 },
        { price: '9.5', quantity: '1.5', orders: 1 },
      ],
      asks: [
        { price: '11', quantity: '2.5', orders: 2 },
        { price: '100.5', quantity: '1', orders: 1 },
      ],
    });
    expect(none).toEqual({ symbol: 'ETH/BTC', bids: [], asks: [] });
    expect(again).toEqual(book);
    expect((await books.pincex.trading.getOrderBook('LTC/DAI')).bids).toHaveLength(3);
  });
});

describe('a malformed read', () => {
  const readKeys = limits.reads.keys;
  const many = (n: number): string[] => new Array<string>(n).fill('x');
  const trading = () => books.pincex.trading;
  const accounts = (...lists: unknown[]) =>
    books.pincex.bookkeeper.batchGetAccounts(anyway(lists[0]), anyway(lists[1]));

  it.each([
    ['no array of users', () => accounts(null, ['USD']), 'invalid_argument'],
    ['no array of currencies', () => accounts(['ann'], undefined), 'invalid_argument'],
    ['a text for an array', () => accounts('ann', ['USD']), 'invalid_argument'],
    ['a number for an id', () => trading().batchGetOrdersByIds(anyway([1])), 'invalid_argument'],
    ['no array of ids', () => trading().batchGetOrdersByIds(anyway(undefined)), 'invalid_argument'],
    ['no array of orders', () => trading().batchGetTradesByOrderIds(anyway({})), 'invalid_argument'],
    ['no array of symbols', () => trading().batchGetOrderBooks(anyway('BTC/USD')), 'invalid_argument'],
    ['a depth of 0', () => trading().batchGetOrderBooks(['BTC/USD'], 0), 'invalid_argument'],
    ['a depth of 1,001', () => trading().getOrderBook('BTC/USD', 1_001), 'invalid_argument'],
    ['a limit of 0', () => trading().getUserOrders('ann', { limit: 0 }), 'invalid_argument'],
    ['a limit of 1.5', () => trading().getUserOrders('ann', { limit: 1.5 }), 'invalid_argument'],
    [
      'a limit of 1,001',
      () => trading().batchGetOpenOrdersByUsers(['ann'], { limit: 1_001 }),
      'invalid_argument',
    ],
    [
      'a limit that is a text',
      () => trading().getUserOrders('ann', { limit: anyway('5') }),
      'invalid_argument',
    ],
    [
      'an unknown status',
      () => trading().getUserOrders('ann', { statuses: [anyway<OrderStatus>('done')] }),
      'invalid_argument',
    ],
    [
      'a text for statuses',
      () => trading().getUserOrders('ann', { statuses: anyway('open') }),
      'invalid_argument',
    ],
    [
      'a number for a symbol',
      () => trading().getUserOrders('ann', { symbol: anyway(1) }),
      'invalid_argument',
    ],
    ['100,001 ids', () => trading().batchGetOrdersByIds(many(readKeys + 1)), 'batch_too_large'],
    ['1,000,000 users', () => trading().batchGetUserOrders(many(1_000_000)), 'batch_too_large'],
    [
      'users x currencies above the bound',
      () => accounts(many(readKeys / 2 + 1), ['USD', 'BTC']),
      'batch_too_large',
    ],
  ] as const)('a read with %s is refused as a whole', async (_, call, code) => {
    await expect(Promise.resolve().then(() => call() as Promise<unknown>)).rejects.toMatchObject({
      name: 'PincexError',
      code,
    });
  });
});
