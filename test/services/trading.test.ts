import { describe, expect, it } from 'vitest';
import {
  FEES,
  type CreateOrder,
  type OrderView,
  type PlaceOrder,
  type UpdateOrderStatus,
} from '../../src/index.ts';
import { parseAmount } from '../../src/money/amount.ts';
import { expectApplied, fresh, funds, newUser, outcomes, useBooks } from '../support/books.ts';

/** Orders hold funds, trades move them, and a stored order is read back exactly. */

const books = useBooks();

function limit(
  userId: string,
  id: string,
  side: 'buy' | 'sell',
  quantity: string,
  price: string,
): PlaceOrder {
  return { id, userId, symbol: 'BTC/USD', side, type: 'limit', quantity, price };
}

const trade = (id: string, buyer: string, seller: string, quantity: string, price: string) => ({
  id,
  symbol: 'BTC/USD',
  price,
  quantity,
  buyUserId: buyer,
  buyOrderId: `${buyer}-o`,
  sellUserId: seller,
  sellOrderId: `${seller}-o`,
  takerSide: 'buy' as const,
});

async function buyerAndSeller(buy: [string, string], sell: [string, string]): Promise<[string, string]> {
  const buyer = await newUser(books.pincex, { USD: '1000' });
  const seller = await newUser(books.pincex, { BTC: '10' });
  expectApplied(
    await books.pincex.trading.batchPlaceOrders([
      limit(buyer, `${buyer}-o`, 'buy', ...buy),
      limit(seller, `${seller}-o`, 'sell', ...sell),
    ]),
  );
  return [buyer, seller];
}

const order = async (id: string): Promise<OrderView> => (await books.pincex.trading.getOrder(id))!;

describe('a placed order', () => {
  it('a placed order holds price x quantity, rounded up, for a buy, and the quantity for a sell', async () => {
    const userId = await newUser(books.pincex, { USD: '100', BTC: '5' });
    const batch = await books.pincex.trading.batchPlaceOrders([
      limit(userId, `${userId}-a`, 'buy', '0.33333333', '10.01'),
      limit(userId, `${userId}-b`, 'sell', '2', '10.01'),
    ]);
    expect(batch.results[0]).toMatchObject({
      id: `${userId}-a`,
      data: {
        orderId: `${userId}-a`,
        status: 'open',
        version: 1,
        funds: { available: '96.66', locked: '3.34', version: 2 },
      },
    });
    expect(await funds(books.pincex, userId, 'BTC')).toBe('3 / 2');
  });

  it('a placed order of a buyer who lacks a cent is refused and not stored', async () => {
    const userId = await newUser(books.pincex, { USD: '99.99' });
    expect(
      outcomes(await books.pincex.trading.batchPlaceOrders([limit(userId, 'x', 'buy', '10', '10')])),
    ).toEqual(['insufficient_funds']);
    expect(await books.sql('SELECT FROM orders WHERE user_id = $1', [userId])).toEqual([]);
  });

  it('a cancelled order gives back all that is left of its hold, once', async () => {
    const [buyer, seller] = await buyerAndSeller(['3', '10'], ['1', '10']);
    expectApplied(await books.pincex.trading.batchSettleTrades([trade('t', buyer, seller, '1', '10')]));
    const cancel = { id: 'c', userId: buyer, orderId: `${buyer}-o` };
    const batch = await books.pincex.trading.batchCancelOrders([cancel, cancel, { ...cancel, id: 'c2' }]);
    expect(outcomes(batch)).toEqual(['applied', 'replayed', 'invalid_transition']);
    expect(batch.results[0]).toMatchObject({
      data: { status: 'cancelled', version: 3, released: '20', funds: { available: '990', locked: '0' } },
    });
    expect(await order(`${buyer}-o`)).toMatchObject({
      status: 'cancelled',
      filledQuantity: '1',
      averagePrice: '10',
    });
    expect(await funds(books.pincex, buyer, 'USD')).toBe('990 / 0');
    expect(
      outcomes(
        await books.pincex.trading.batchCancelOrders([{ id: 'c', userId: seller, orderId: `${seller}-o` }]),
      ),
    ).toEqual(['invalid_transition']);
  });
});

describe('a trade', () => {
  it('a trade uses up its id for both its users: the seller cannot have another trade with it', async () => {
    const [buyer, seller] = await buyerAndSeller(['1', '10'], ['2', '10']);
    const [other] = await buyerAndSeller(['1', '10'], ['1', '10']);
    const first = trade('same-id', buyer, seller, '1', '10');
    const second = trade('same-id', other, seller, '1', '10');
    expectApplied(await books.pincex.trading.batchSettleTrades([first]));
    expect(outcomes(await books.pincex.trading.batchSettleTrades([second, first]))).toEqual([
      'id_reused',
      'replayed',
    ]);
    expect(await funds(books.pincex, seller, 'USD')).toBe('10 / 0');
  });

  it('a trade at a better price gives the rest of the hold back to the buyer', async () => {
    const [buyer, seller] = await buyerAndSeller(['2', '10'], ['2', '9']);
    const batch = await books.pincex.trading.batchSettleTrades([trade('t', buyer, seller, '1', '9.5')]);
    expect(batch.results[0]).toMatchObject({
      data: {
        tradeId: 't',
        quoteAmount: '9.5',
        buy: { orderId: `${buyer}-o`, status: 'partially_filled', version: 2 },
        sell: { orderId: `${seller}-o`, status: 'partially_filled', version: 2 },
      },
    });
    // 20 were held; 9.50 paid, 10 held for the rest, 0.50 free again.
    expect(await funds(books.pincex, buyer, 'USD')).toBe('980.5 / 10');
    expect(await funds(books.pincex, buyer, 'BTC')).toBe('1 / 0');
    expect(await funds(books.pincex, seller, 'USD')).toBe('9.5 / 0');
    expect(await funds(books.pincex, seller, 'BTC')).toBe('8 / 1');
  });

  it('a trade takes the fee of each side from what it receives, and gives it to @fees', async () => {
    const fees = async (): Promise<bigint[]> => {
      const accounts = await books.pincex.bookkeeper.batchGetAccounts([FEES], ['BTC', 'USD']);
      return accounts.map((account) => BigInt(parseAmount(account?.available ?? '0', 8, 30)));
    };
    const [buyer, seller] = await buyerAndSeller(['1', '10'], ['1', '10']);
    const before = await fees();
    const fee = { buyFee: '0.25', sellFee: '1.5' };
    expectApplied(
      await books.pincex.trading.batchSettleTrades([{ ...trade('t', buyer, seller, '1', '10'), ...fee }]),
    );
    expect(await funds(books.pincex, buyer, 'BTC')).toBe('0.75 / 0');
    expect(await funds(books.pincex, seller, 'USD')).toBe('8.5 / 0');
    expect(await fees()).toEqual([before[0]! + 25_000_000n, before[1]! + 150_000_000n]);
    const [trades] = await books.pincex.trading.batchGetTradesByOrderIds([`${buyer}-o`]);
    expect(trades).toMatchObject([
      {
        id: 't',
        userId: buyer,
        side: 'buy',
        price: '10',
        quantity: '1',
        quoteAmount: '10',
        fee: '0.25',
        liquidity: 'taker',
      },
    ]);
    const [sold] = await books.pincex.trading.batchGetTradesByOrderIds([`${seller}-o`]);
    expect(sold).toMatchObject([{ id: 't', userId: seller, side: 'sell', fee: '1.5', liquidity: 'maker' }]);
  });

  it('successive trades fill both orders, and the last one empties the holds to the last unit', async () => {
    const [buyer, seller] = await buyerAndSeller(['1', '10.01'], ['1', '10.01']);
    const parts = ['0.33333333', '0.33333333', '0.33333333', '0.00000001'];
    expectApplied(
      await books.pincex.trading.batchSettleTrades(
        parts.map((part, i) => trade(`t${i}`, buyer, seller, part, '10.01')),
      ),
    );
    expect(await order(`${buyer}-o`)).toMatchObject({
      status: 'filled',
      filledQuantity: '1',
      averagePrice: '10.01',
      version: 5,
    });
    expect((await order(`${seller}-o`)).status).toBe('filled');
    expect(await funds(books.pincex, buyer, 'USD')).toBe('989.99 / 0');
    expect(await funds(books.pincex, seller, 'USD')).toBe('10.01 / 0');
    expect(await books.sql('SELECT FROM holds WHERE user_id = ANY ($1)', [[buyer, seller]])).toEqual([]);
    const [trades] = await books.pincex.trading.batchGetTradesByOrderIds([`${buyer}-o`]);
    // The sum of the payments is rounded up, not each one: 3.336… is 3.34, 6.673… is 6.68, and then 10.01.
    expect(
      Object.fromEntries(trades!.map(({ id, quantity, quoteAmount }) => [id, [quantity, quoteAmount]])),
    ).toEqual({
      t0: [parts[0], '3.34'],
      t1: [parts[1], '3.34'],
      t2: [parts[2], '3.33'],
      t3: [parts[3], '0'],
    });
  });

  describe('a trade on a market without a minimum value', () => {
    it('a trade worth less than a unit of quote costs that unit, so that dust is not free', async () => {
      await books.pincex.catalog.addCurrency('CENT', 2);
      await books.pincex.catalog.addMarket('LTC/CENT', '0.01', '0.00001');
      const symbol = 'LTC/CENT';
      const buyer = await newUser(books.pincex, { CENT: '0.01' });
      const seller = await newUser(books.pincex, { LTC: '1' });
      const place = (id: string, userId: string, side: 'buy' | 'sell', quantity: string) =>
        books.pincex.trading.batchPlaceOrders([{ ...limit(userId, id, side, quantity, '236.47'), symbol }]);
      expectApplied(await place(`${seller}-o`, seller, 'sell', '1'));
      expectApplied(await place(`${buyer}-o`, buyer, 'buy', '0.00004'));
      expectApplied(
        await books.pincex.trading.batchSettleTrades([
          { ...trade('t', buyer, seller, '0.00004', '236.47'), symbol },
        ]),
      );
      expect(await funds(books.pincex, buyer, 'CENT')).toBe('0 / 0');
      expect(await funds(books.pincex, seller, 'CENT')).toBe('0.01 / 0');
      expect(outcomes(await place(`${buyer}-2`, buyer, 'buy', '0.00004'))).toEqual(['insufficient_funds']);
    });
  });

  it('a hundred trades of one order cost what they are worth together, rounded up once', async () => {
    const [buyer, seller] = await buyerAndSeller(['0.01', '236.47'], ['0.01', '236.47']);
    const trades = Array.from({ length: 100 }, (_, n) => trade(`t${n}`, buyer, seller, '0.00004', '236.47'));
    expectApplied(await books.pincex.trading.batchSettleTrades(trades));
    // 0.004 x 236.47 is 0.94588, and the rest of the order, worth 1.41882, is still held.
    expect(await funds(books.pincex, buyer, 'USD')).toBe('997.63 / 1.42');
    expect(await funds(books.pincex, seller, 'USD')).toBe('0.95 / 0');
  });

  it('the trades of a market buy spend no more than its hold', async () => {
    const [buyer, seller] = [
      await newUser(books.pincex, { USD: '100' }),
      await newUser(books.pincex, { BTC: '10' }),
    ];
    expectApplied(
      await books.pincex.trading.batchPlaceOrders([
        { ...limit(buyer, `${buyer}-o`, 'buy', '2', '1'), type: 'market', price: null, holdAmount: '25' },
        limit(seller, `${seller}-o`, 'sell', '10', '10'),
      ]),
    );
    expect(await funds(books.pincex, buyer, 'USD')).toBe('75 / 25');
    expectApplied(await books.pincex.trading.batchSettleTrades([trade('t1', buyer, seller, '1', '20')]));
    expect(await funds(books.pincex, buyer, 'USD')).toBe('75 / 5');
    expect(
      outcomes(await books.pincex.trading.batchSettleTrades([trade('t2', buyer, seller, '1', '10')])),
    ).toEqual(['hold_exceeded']);
    expectApplied(await books.pincex.trading.batchSettleTrades([trade('t3', buyer, seller, '0.4', '10')]));
    expectApplied(
      await books.pincex.trading.batchCancelOrders([{ id: 'c', userId: buyer, orderId: `${buyer}-o` }]),
    );
    expect(await funds(books.pincex, buyer, 'USD')).toBe('76 / 0');
    expect(await order(`${buyer}-o`)).toMatchObject({
      filledQuantity: '1.4',
      averagePrice: '17.142857142857142857',
    });
  });

  it('a trade of created orders takes from the holds that their owners locked', async () => {
    const [buyer, seller] = [
      await newUser(books.pincex, { USD: '100' }),
      await newUser(books.pincex, { BTC: '10' }),
    ];
    const trading = trade('t', buyer, seller, '1', '10');
    const own = (userId: string) => ({ userId, orderId: `${userId}-o` });
    expectApplied(
      await books.pincex.trading.batchCreateOrders([
        limit(buyer, `${buyer}-o`, 'buy', '1', '10'),
        limit(seller, `${seller}-o`, 'sell', '1', '10'),
      ]),
    );
    expect(outcomes(await books.pincex.trading.batchSettleTrades([trading]))).toEqual(['hold_not_found']);
    expectApplied(
      await books.pincex.bookkeeper.batchLockFunds([
        { id: 'l', ...own(buyer), currency: 'USD', amount: '12' },
        { id: 'l', ...own(seller), currency: 'BTC', amount: '1' },
      ]),
    );
    expectApplied(await books.pincex.trading.batchSettleTrades([trading]));
    expect(await funds(books.pincex, buyer, 'USD')).toBe('90 / 0');
  });

  it('a trade between two orders of one user moves nothing but its fees', async () => {
    const userId = await newUser(books.pincex, { USD: '100', BTC: '5' });
    expectApplied(
      await books.pincex.trading.batchPlaceOrders([
        limit(userId, `${userId}-b`, 'buy', '1', '10'),
        limit(userId, `${userId}-s`, 'sell', '1', '10'),
      ]),
    );
    const own = {
      ...trade('t', userId, userId, '1', '10'),
      buyOrderId: `${userId}-b`,
      sellOrderId: `${userId}-s`,
    };
    expectApplied(await books.pincex.trading.batchSettleTrades([{ ...own, buyFee: '0.1', sellFee: '1' }]));
    expect(await funds(books.pincex, userId, 'USD')).toBe('99 / 0');
    expect(await funds(books.pincex, userId, 'BTC')).toBe('4.9 / 0');
  });

  it('a trade may be in one batch with the orders that it fills and the deposits that they need', async () => {
    const [buyer, seller] = [fresh('buyer'), fresh('seller')];
    const batch = await books.pincex.execute([
      { command: 'deposit', id: 'd', userId: buyer, currency: 'USD', amount: '10' },
      { command: 'deposit', id: 'd', userId: seller, currency: 'BTC', amount: '1' },
      { command: 'placeOrder', ...limit(buyer, `${buyer}-o`, 'buy', '1', '10') },
      { command: 'placeOrder', ...limit(seller, `${seller}-o`, 'sell', '1', '10') },
      { command: 'settleTrade', ...trade('t', buyer, seller, '1', '10') },
      { command: 'withdraw', id: 'w', userId: seller, currency: 'USD', amount: '10' },
    ]);
    expectApplied(batch);
    expect(await funds(books.pincex, buyer, 'BTC')).toBe('1 / 0');
    expect(await funds(books.pincex, seller, 'USD')).toBe('0 / 0');
  });
});

it('a stop order cannot trade while it is pending, and trades once it is open', async () => {
  const [buyer, seller] = [
    await newUser(books.pincex, { USD: '100' }),
    await newUser(books.pincex, { BTC: '10' }),
  ];
  expectApplied(
    await books.pincex.trading.batchPlaceOrders([
      limit(buyer, `${buyer}-o`, 'buy', '1', '10'),
      { ...limit(seller, `${seller}-o`, 'sell', '1', '10'), type: 'stop', price: null, stopPrice: '11' },
    ]),
  );
  expect((await order(`${seller}-o`)).status).toBe('pending');
  expect(
    outcomes(await books.pincex.trading.batchSettleTrades([trade('t', buyer, seller, '1', '10')])),
  ).toEqual(['invalid_transition']);
  const update = { id: 'u', userId: seller, orderId: `${seller}-o`, status: 'open' } as const;
  expect(await books.pincex.trading.updateOrderStatus(update)).toMatchObject({
    status: 'applied',
    data: { orderId: `${seller}-o`, status: 'open', version: 2 },
  });
  expectApplied(await books.pincex.trading.batchSettleTrades([trade('t', buyer, seller, '1', '10')]));
  expect((await order(`${seller}-o`)).status).toBe('filled');
});

describe('the terms of an order', () => {
  const base = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '1.5', price: '10.5' } as const;
  const nothing = {
    averagePrice: null,
    price: null,
    stopPrice: null,
    trailingAmount: null,
    trailingPercent: null,
    displayQuantity: null,
    timeInForce: 'gtc',
    expiresAt: null,
    ocoGroupId: null,
    parentOrderId: null,
    holdAmount: null,
    rejectCode: null,
    filledQuantity: '0',
    version: 1,
  };
  const KINDS: readonly (readonly [string, Partial<CreateOrder>, Partial<OrderView>])[] = [
    ['a limit', {}, { status: 'open' }],
    [
      'an iceberg of an OCO group with a parent, for a day',
      { displayQuantity: '0.1', ocoGroupId: 'oco "1"', parentOrderId: 'parent\\2', timeInForce: 'day' },
      { status: 'open' },
    ],
    [
      'a limit that is good until a time',
      { timeInForce: 'gtd', expiresAt: '2030-01-31T12:00:00.5+01:00' },
      { status: 'open', expiresAt: '2030-01-31T11:00:00.500Z' },
    ],
    ['a stop limit', { type: 'stop_limit', stopPrice: '11' }, { status: 'pending' }],
    ['a stop', { type: 'stop', price: null, stopPrice: '11.01', holdAmount: '20' }, { status: 'pending' }],
    [
      'a market order, immediate or cancelled',
      { type: 'market', price: null, holdAmount: '20', timeInForce: 'ioc' },
      { status: 'open' },
    ],
    [
      'a trailing stop by a distance',
      { type: 'trailing_stop', side: 'sell', price: null, trailingAmount: '0.25' },
      { status: 'pending' },
    ],
    [
      'a trailing stop by per cent',
      { type: 'trailing_stop', side: 'sell', price: null, trailingPercent: '99.9999' },
      { status: 'pending' },
    ],
    ['fill or kill', { timeInForce: 'fok' }, { status: 'open' }],
  ];

  it.each(KINDS)('the terms of an order are read back exactly: %s', async (_, terms, expected) => {
    const userId = await newUser(books.pincex, { USD: '100', BTC: '10' });
    for (const placed of [true, false]) {
      const id = `${userId}-${placed}`;
      const item = { ...base, ...terms, id, userId };
      const call = placed
        ? books.pincex.trading.batchPlaceOrders([item])
        : books.pincex.trading.batchCreateOrders([item]);
      expectApplied(await call);
      const stored = await order(id);
      const { createdAt } = stored;
      expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      expect(stored).toEqual({ ...nothing, ...item, ...expected, placed, createdAt, updatedAt: createdAt });
      const [listed] = await books.pincex.trading.getUserOrders(userId);
      expect(listed).toEqual(stored);
    }
  });
});

describe('updateOrderStatus', () => {
  const created = async (terms: Partial<CreateOrder> = {}): Promise<string> => {
    const userId = fresh('user');
    expectApplied(
      await books.pincex.trading.batchCreateOrders([
        { ...limit(userId, `${userId}-o`, 'buy', '2', '10'), ...terms },
      ]),
    );
    return userId;
  };
  const update = (userId: string, id: string, change: Partial<UpdateOrderStatus>) =>
    books.pincex.trading.batchUpdateOrderStatus([
      { id, userId, orderId: `${userId}-o`, status: 'filled', ...change },
    ]);

  it('updateOrderStatus fills at the limit price, or at the average price that it is given', async () => {
    const userId = await created();
    expectApplied(await update(userId, '1', { status: 'partially_filled', filledQuantity: '0.5' }));
    expect(await order(`${userId}-o`)).toMatchObject({ filledQuantity: '0.5', averagePrice: '10' });
    expectApplied(
      await update(userId, '2', { status: 'partially_filled', filledQuantity: '1', averagePrice: '9.75' }),
    );
    expect(await order(`${userId}-o`)).toMatchObject({ filledQuantity: '1', averagePrice: '9.75' });
    expectApplied(await update(userId, '3', { status: 'filled' }));
    expect(await order(`${userId}-o`)).toMatchObject({
      status: 'filled',
      filledQuantity: '2',
      averagePrice: '9.875',
      version: 4,
    });
    expect(outcomes(await update(userId, '4', { status: 'cancelled' }))).toEqual(['invalid_transition']);
  });

  it.each([
    [{ status: 'partially_filled' }, 'invalid_quantity'],
    [{ status: 'partially_filled', filledQuantity: '2' }, 'invalid_quantity'],
    [{ status: 'partially_filled', filledQuantity: '0.000000001' }, 'invalid_quantity'],
    [{ status: 'filled', filledQuantity: '1.5' }, 'invalid_quantity'],
    [{ status: 'cancelled', filledQuantity: '2' }, 'invalid_quantity'],
    [{ status: 'rejected', filledQuantity: '1' }, 'invalid_quantity'],
    [{ status: 'cancelled', averagePrice: '10' }, 'invalid_price'],
    [{ status: 'pending' }, 'invalid_transition'],
    [{ status: 'open' }, 'invalid_transition'],
  ] as const)('updateOrderStatus refuses %j', async (change, code) => {
    const userId = await created();
    expect(outcomes(await update(userId, '1', change))).toEqual([code]);
    expect(await order(`${userId}-o`)).toMatchObject({ status: 'open', version: 1, filledQuantity: '0' });
  });

  it('updateOrderStatus needs an average price to fill an order without a price', async () => {
    const userId = await created({ type: 'market', price: null });
    expect(outcomes(await update(userId, '1', {}))).toEqual(['invalid_price']);
    expectApplied(await update(userId, '2', { averagePrice: '12.5' }));
    expect((await order(`${userId}-o`)).averagePrice).toBe('12.5');
  });

  it('updateOrderStatus never lowers the filled quantity', async () => {
    const userId = await created();
    expectApplied(await update(userId, '1', { status: 'partially_filled', filledQuantity: '1' }));
    expect(
      outcomes(await update(userId, '2', { status: 'partially_filled', filledQuantity: '0.5' })),
    ).toEqual(['invalid_quantity']);
    expect(outcomes(await update(userId, '3', { status: 'cancelled', filledQuantity: '0.5' }))).toEqual([
      'invalid_quantity',
    ]);
    expectApplied(await update(userId, '4', { status: 'cancelled' }));
    expect(await order(`${userId}-o`)).toMatchObject({
      status: 'cancelled',
      filledQuantity: '1',
      averagePrice: '10',
    });
  });
});
