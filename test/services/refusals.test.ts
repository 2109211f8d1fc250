import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { ItemErrorCode, MixedItem } from '../../src/index.ts';
import {
  anyway,
  expectApplied,
  expectBalanced,
  fresh,
  newUser,
  outcomes,
  useBooks,
} from '../support/books.ts';

/** Every code that an item is refused with; its message names the item, the value and what is accepted. */

const books = useBooks({}, { audited: false });

// A malformed item never reaches the books, so one audit at the end is enough.
afterAll(() => expectBalanced(books.pincex));

const deposit = { command: 'deposit', id: 'd', userId: 'u', currency: 'USD', amount: '1' };
const account = { command: 'createAccount', id: 'a', userId: 'u', currency: 'USD' };
const lock = { command: 'lockFunds', id: 'l', userId: 'u', currency: 'USD', amount: '1', orderId: 'o' };
const order = {
  command: 'placeOrder',
  id: 'o',
  userId: 'u',
  symbol: 'BTC/USD',
  side: 'buy',
  type: 'limit',
  quantity: '1',
  price: '10',
};
const trade = {
  command: 'settleTrade',
  id: 't',
  symbol: 'BTC/USD',
  price: '10',
  quantity: '1',
  buyUserId: 'b',
  buyOrderId: 'bo',
  sellUserId: 's',
  sellOrderId: 'so',
  takerSide: 'buy',
};
const update = { command: 'updateOrderStatus', id: 'x', userId: 'u', orderId: 'o', status: 'open' };
const transfer = { ...deposit, command: 'transfer', toUserId: 'v' };
const stop = { ...order, type: 'stop', price: undefined, stopPrice: '9', holdAmount: '10' };
const trailing = { ...order, side: 'sell', type: 'trailing_stop', price: undefined };

const refused = async (item: unknown): Promise<{ code: string; message: string }> => {
  const batch = await books.pincex.execute([anyway<MixedItem>(item)]);
  const [result] = batch.results;
  if (result?.status !== 'rejected') throw new Error(`Not refused: ${JSON.stringify(item)}`);
  expect(batch.status).toBe('rejected');
  return result.error;
};

/** The fault, the item, the code, and a part of the message. */
const MALFORMED: readonly (readonly [string, unknown, ItemErrorCode, string])[] = [
  ['a text for an item', 'deposit', 'invalid_item', 'An item is an object: got a string'],
  ['null for an item', null, 'invalid_item', 'An item is an object: got null'],
  ['undefined for an item', undefined, 'invalid_item', 'An item is an object: got nothing'],
  ['an array for an item', [deposit], 'invalid_item', 'An item is an object: got an array'],
  ['an unknown command', { ...deposit, command: 'mint' }, 'invalid_item', 'deposit'],
  ['a transfer to its payer', { ...transfer, toUserId: 'u' }, 'invalid_item', 'another user'],
  ['a flag that is a text', { ...order, recordRejection: 'yes' }, 'invalid_item', 'true or false'],
  ['an unknown taker side of a trade', { ...trade, takerSide: 'both' }, 'invalid_item', 'buy, sell'],

  ['an item without an id', { ...deposit, id: undefined }, 'invalid_id', '1 to 128 characters'],
  ['an empty id', { ...deposit, id: '' }, 'invalid_id', 'got ""'],
  ['a number for an id', { ...deposit, id: 7 }, 'invalid_id', 'got 7 (a number)'],
  ['an id of 129 characters', { ...deposit, id: 'x'.repeat(129) }, 'invalid_id', '…'],
  ['an id of 300 characters', { ...deposit, id: 'x'.repeat(300) }, 'invalid_id', '…'],
  ['an id with a NUL', { ...deposit, id: 'a\0b' }, 'invalid_id', 'id must be'],
  ['an id with a lone surrogate', { ...deposit, id: 'a\ud800' }, 'invalid_id', 'id must be'],
  ["an id of the system's own", { ...deposit, id: '@expire/x' }, 'invalid_id', '"@"'],
  ["a user of the system's own", { ...deposit, userId: '@outside' }, 'invalid_id', 'userId'],
  ['an account without an id', { ...account, id: undefined }, 'invalid_id', 'id must be'],
  ['an empty id of an account', { ...account, id: '' }, 'invalid_id', 'got ""'],
  ['an id of an account of 300 characters', { ...account, id: 'x'.repeat(300) }, 'invalid_id', '…'],
  ['an id of an account with a NUL', { ...account, id: 'a\0b' }, 'invalid_id', 'id must be'],
  ['an account without a user', { ...account, userId: undefined }, 'invalid_id', 'userId'],
  ['an account of an empty user', { ...account, userId: '' }, 'invalid_id', 'userId'],
  ['an account of a user of 300 characters', { ...account, userId: 'x'.repeat(300) }, 'invalid_id', 'userId'],
  ['an account of a user with a NUL', { ...account, userId: 'a\0b' }, 'invalid_id', 'userId'],
  ["an account of the system's own", { ...account, userId: '@outside' }, 'invalid_id', 'userId'],
  ['an account in a group with a NUL', { ...account, group: '\0' }, 'invalid_id', 'group'],
  ['an empty group', { ...deposit, group: '' }, 'invalid_id', 'group'],
  ['an empty order id', { ...lock, orderId: '' }, 'invalid_id', 'orderId'],
  ['an empty reference', { ...deposit, reference: '' }, 'invalid_id', 'reference'],
  ['a transfer without a receiver', { ...transfer, toUserId: undefined }, 'invalid_id', 'toUserId'],
  ['an OCO group with a NUL', { ...order, ocoGroupId: '\0' }, 'invalid_id', 'ocoGroupId'],

  ['an unknown currency', { ...deposit, currency: 'XXX' }, 'unknown_currency', 'got "XXX"'],
  ['a currency in lower case', { ...deposit, currency: 'usd' }, 'unknown_currency', 'got "usd"'],
  [
    'a currency named like a property of every object',
    { ...deposit, currency: '__proto__' },
    'unknown_currency',
    'currency',
  ],
  ['an account in an unknown currency', { ...account, currency: 'XXX' }, 'unknown_currency', 'got "XXX"'],
  ['an account without a currency', { ...account, currency: undefined }, 'unknown_currency', 'got nothing'],
  ['a lock without a currency', { ...lock, currency: undefined }, 'unknown_currency', 'got nothing'],
  ['an unknown market', { ...order, symbol: 'BTC/XXX' }, 'unknown_market', 'got "BTC/XXX"'],
  ['a market the wrong way round', { ...trade, symbol: 'USD/BTC' }, 'unknown_market', 'symbol'],

  ...(
    [
      ['a number', 1.5, 'got 1.5 (a number)'],
      ['NaN', NaN, 'got NaN (a number)'],
      ['a BigInt', 1n, 'got 1 (a bigint)'],
      ['undefined', undefined, 'got nothing'],
      ['null', null, 'got null'],
      ['an object', {}, 'got a object'],
      ['an empty text', '', 'decimal string'],
      ['a negative number', '-1', 'got "-1"'],
      ['zero', '0', 'more than zero'],
      ['zero with decimals', '0.00', 'more than zero'],
      ['too many decimals', '0.001', 'at most 2 decimals'],
      ['an exponent', '1e3', 'plain decimal'],
      ['a leading zero', '01', 'plain decimal'],
      ['a leading blank', ' 1', 'plain decimal'],
      ['a full-width digit', '１', 'plain decimal'],
      ['31 digits', '1'.repeat(31), 'at most 30 digits'],
    ] as const
  ).flatMap(([what, amount, says]) =>
    [deposit, { ...deposit, command: 'withdraw' }, transfer, lock, { ...lock, command: 'unlockFunds' }].map(
      (item) =>
        [`${what} for the amount of ${item.command}`, { ...item, amount }, 'invalid_amount', says] as const,
    ),
  ),
  ['a number for a fee', { ...trade, buyFee: 0.1 }, 'invalid_amount', 'buyFee'],
  ['too many decimals in a fee', { ...trade, sellFee: '0.001' }, 'invalid_amount', 'sellFee'],
  ['a hold amount of zero', { ...stop, holdAmount: '0' }, 'invalid_amount', 'holdAmount'],

  ['a number for a price', { ...order, price: 10 }, 'invalid_price', 'got 10 (a number)'],
  ['a price with too many decimals', { ...order, price: '10.001' }, 'invalid_price', 'at most 2 decimals'],
  ['a price of zero', { ...trade, price: '0' }, 'invalid_price', 'more than zero'],
  ['a stop price of zero', { ...stop, stopPrice: '0' }, 'invalid_price', 'stopPrice'],
  ['an average price of zero', { ...update, averagePrice: '0' }, 'invalid_price', 'averagePrice'],
  ['a price off the tick', { ...order, symbol: 'ETH/BTC', price: '0.000005' }, 'invalid_price', 'decimals'],

  ['an order without a quantity', { ...order, quantity: undefined }, 'invalid_quantity', 'got nothing'],
  ['a number for a quantity', { ...trade, quantity: 1 }, 'invalid_quantity', 'got 1 (a number)'],
  [
    'a quantity off the lot',
    { ...order, symbol: 'ETH/BTC', quantity: '0.00015' },
    'invalid_quantity',
    '0.0001',
  ],
  ['a filled quantity of zero', { ...update, filledQuantity: '0' }, 'invalid_quantity', 'filledQuantity'],

  ['an unknown side', { ...order, side: 'long' }, 'invalid_order', 'buy, sell'],
  ['an unknown type', { ...order, type: 'twap' }, 'invalid_order', 'limit, market'],
  ['a limit order without a price', { ...order, price: undefined }, 'invalid_order', 'price is needed'],
  [
    'a market order with a price',
    { ...order, type: 'market', holdAmount: '10' },
    'invalid_order',
    'price must be absent',
  ],
  [
    'a market buy without a hold',
    { ...order, type: 'market', price: undefined },
    'invalid_order',
    'holdAmount is needed',
  ],
  ['a limit buy with a hold', { ...order, holdAmount: '10' }, 'invalid_order', 'holdAmount must be absent'],
  ['a stop without a stop price', { ...stop, stopPrice: undefined }, 'invalid_order', 'stopPrice is needed'],
  ['a limit with a stop price', { ...order, stopPrice: '9' }, 'invalid_order', 'stopPrice must be absent'],
  ['a trailing stop without a distance', trailing, 'invalid_order', 'trailingAmount is needed'],
  [
    'a trailing stop with two distances',
    { ...trailing, trailingAmount: '1', trailingPercent: '1' },
    'invalid_order',
    'trailingPercent',
  ],
  ['a trailing percentage of 100', { ...trailing, trailingPercent: '100' }, 'invalid_order', 'below 100'],
  [
    'a trailing percentage of five decimals',
    { ...trailing, trailingPercent: '1.00001' },
    'invalid_order',
    'at most 4',
  ],
  [
    'an iceberg that shows more than there is',
    { ...order, displayQuantity: '2' },
    'invalid_order',
    'displayQuantity',
  ],
  ['an iceberg without a limit', { ...stop, displayQuantity: '1' }, 'invalid_order', 'displayQuantity'],
  [
    'an unknown time in force',
    { ...order, timeInForce: 'forever' },
    'invalid_order',
    'gtc, ioc, fok, gtd, day',
  ],
  ['a gtd order without a time', { ...order, timeInForce: 'gtd' }, 'invalid_order', 'expiresAt is needed'],
  [
    'a gtc order with a time',
    { ...order, expiresAt: '2030-01-01T00:00:00Z' },
    'invalid_order',
    'expiresAt must be absent',
  ],

  [
    'a limit order worth less than its market takes',
    { ...order, quantity: '0.09999999' },
    'below_minimum',
    'An order on BTC/USD must be worth at least 1 USD: got 0.9999999',
  ],
  [
    'a market buy that may spend less than its market takes',
    { ...order, type: 'market', price: null, holdAmount: '0.99' },
    'below_minimum',
    'at least 1 USD: got 0.99',
  ],
  [
    'an order worth too little that holds nothing',
    { ...order, command: 'createOrder', quantity: '0.00004' },
    'below_minimum',
    'got 0.0004',
  ],

  ['a date without a time of day', { ...lock, expiresAt: '2030-01-31' }, 'invalid_time', 'got "2030-01-31"'],
  ['a number for a time', { ...lock, expiresAt: 1_900_000_000_000 }, 'invalid_time', 'expiresAt'],
  ['a time without a zone', { ...lock, expiresAt: '2030-01-31T12:00:00' }, 'invalid_time', 'expiresAt'],
  ['words for a time', { ...lock, expiresAt: 'tomorrow' }, 'invalid_time', 'expiresAt'],
  [
    'a month that does not exist',
    { ...lock, expiresAt: '2030-13-01T00:00:00Z' },
    'invalid_time',
    'expiresAt',
  ],
  [
    'a day that the month does not have',
    { ...lock, expiresAt: '2030-02-30T00:00:00Z' },
    'invalid_time',
    'expiresAt',
  ],
  ['an invalid Date', { ...lock, expiresAt: new Date(NaN) }, 'invalid_time', 'expiresAt'],
  [
    'a year of five digits',
    { ...lock, expiresAt: new Date(Date.UTC(12_000, 0)) },
    'invalid_time',
    'expiresAt',
  ],

  ['an unknown status', { ...update, status: 'done' }, 'invalid_transition', 'pending, open'],
  [
    'a trade of an order with itself',
    { ...trade, sellUserId: 'b', sellOrderId: 'bo' },
    'trade_mismatch',
    'itself',
  ],
];

describe('a malformed item', () => {
  it.each(MALFORMED)('%s is refused', async (_, item, code, says) => {
    const error = await refused(item);
    expect(error.code).toBe(code);
    expect(error.message).toContain(says);
    expect(error.message).toMatch(/^Item 0( \(.*\))?: /s);
  });
});

describe('an item with several faults', () => {
  const wrong = {
    ...lock,
    id: '',
    currency: 'XXX',
    amount: '-1',
    orderId: '',
    expiresAt: 'never',
  };
  // Each line mends the fault that the line before it is refused for.
  it.each([
    ['invalid_id', wrong],
    ['invalid_id', { ...wrong, id: 'l' }],
    ['unknown_currency', { ...wrong, id: 'l', orderId: 'o' }],
    ['invalid_amount', { ...wrong, id: 'l', orderId: 'o', currency: 'USD' }],
    ['invalid_time', { ...wrong, id: 'l', orderId: 'o', currency: 'USD', amount: '1' }],
    ['account_not_found', { ...lock, userId: 'nobody' }],
  ])(
    'a lock with several faults is refused with the first code in the order of the table of codes: %s',
    async (code, item) => {
      expect((await refused(item)).code).toBe(code);
    },
  );

  it.each([
    ['invalid_id', { ...order, userId: '', symbol: 'X', quantity: '0', price: '0', side: 'x' }],
    ['invalid_id', { ...order, ocoGroupId: '', symbol: 'X', quantity: '0', price: '0', side: 'x' }],
    ['unknown_market', { ...order, symbol: 'X', quantity: '0', price: '0', side: 'x' }],
    ['invalid_price', { ...order, quantity: '0', price: '0', side: 'x' }],
    ['invalid_quantity', { ...order, quantity: '0', side: 'x' }],
    ['invalid_order', { ...order, side: 'x', timeInForce: 'gtd', expiresAt: 'never' }],
    ['invalid_time', { ...order, timeInForce: 'gtd', expiresAt: 'never' }],
    ['below_minimum', { ...order, quantity: '0.00000001' }],
  ])(
    'an order with several faults is refused with the first code in the order of the table of codes: %s',
    async (code, item) => {
      expect((await refused(item)).code).toBe(code);
    },
  );

  it.each([
    ['invalid_id', { ...trade, symbol: 'X', price: '0', quantity: '0', buyUserId: '' }],
    ['unknown_market', { ...trade, symbol: 'X', price: '0', quantity: '0' }],
    ['invalid_amount', { ...trade, price: '0', quantity: '0', buyFee: '-1' }],
    ['invalid_price', { ...trade, price: '0', quantity: '0' }],
    ['invalid_quantity', { ...trade, quantity: '0' }],
  ])(
    'a trade with several faults is refused with the first code in the order of the table of codes: %s',
    async (code, item) => {
      expect((await refused(item)).code).toBe(code);
    },
  );
});

describe('an item that the books refuse', () => {
  afterEach(() => expectBalanced(books.pincex));

  const rejection = async (item: MixedItem): Promise<[string, boolean, string]> => {
    const [result] = (await books.pincex.execute([item])).results;
    if (result?.status !== 'rejected') throw new Error('Not refused');
    return [result.error.code, result.error.retryable, result.error.message];
  };
  const step = async (...items: MixedItem[]): Promise<void> => {
    expectApplied(await books.pincex.execute(items));
  };

  it('an item that needs a missing account is refused with account_not_found', async () => {
    const userId = fresh('user');
    for (const command of ['withdraw', 'lockFunds', 'transfer'] as const) {
      const more = { withdraw: {}, lockFunds: { orderId: 'o' }, transfer: { toUserId: 'v' } }[command];
      const item = anyway<MixedItem>({ ...deposit, command, id: command, userId, ...more });
      const [code, retryable, message] = await rejection(item);
      expect([code, retryable]).toEqual(['account_not_found', true]);
      expect(message).toContain(userId);
    }
    expect((await rejection(anyway({ ...order, userId })))[0]).toBe('account_not_found');
  });

  it('an account that exists already is refused with account_exists', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    expect(await rejection(anyway({ ...account, userId }))).toEqual([
      'account_exists',
      false,
      `Item 0 (a): ${userId} has a USD account already`,
    ]);
  });

  it('an item that needs more than is available is refused with insufficient_funds and both amounts', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const [code, retryable, message] = await rejection(anyway({ ...lock, userId, amount: '10.01' }));
    expect([code, retryable]).toEqual(['insufficient_funds', true]);
    expect(message).toBe(`Item 0 (l): ${userId} has 10 USD available, needs 10.01`);
    expect((await rejection(anyway({ ...order, userId, price: '10.01' })))[0]).toBe('insufficient_funds');
  });

  it('an unlock without a hold, of more than its hold, or of the hold of a placed order is refused', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const unlock = { ...lock, command: 'unlockFunds', id: 'u', userId };
    expect((await rejection(anyway(unlock))).slice(0, 2)).toEqual(['hold_not_found', true]);
    await step(anyway({ ...lock, userId, amount: '5' }), anyway({ ...order, id: 'p', userId }));
    const [code, , message] = await rejection(anyway({ ...unlock, amount: '5.01' }));
    expect(code).toBe('hold_exceeded');
    expect(message).toContain('has 5 USD, needs 5.01');
    expect((await rejection(anyway({ ...unlock, orderId: 'p' }))).slice(0, 2)).toEqual([
      'hold_in_use',
      false,
    ]);
    expect((await rejection(anyway({ ...lock, id: 'l2', userId, orderId: 'p' })))[0]).toBe('hold_in_use');
  });

  it('an order is refused when its id already has a hold, an order or a recorded rejection', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    await step(anyway({ ...lock, userId, orderId: 'taken' }));
    expect((await rejection(anyway({ ...order, id: 'taken', userId })))[0]).toBe('hold_in_use');
    const poor = { ...order, id: 'big', userId, quantity: '1000', recordRejection: true };
    expect((await rejection(anyway(poor)))[0]).toBe('insufficient_funds');
    expect(await rejection(anyway(poor))).toEqual([
      'already_rejected',
      false,
      'Item 0 (big): Order big was rejected before, and that was recorded',
    ]);
    expect((await rejection(anyway({ ...order, command: 'createOrder', id: 'big', userId })))[0]).toBe(
      'order_exists',
    );
    expect(await books.pincex.trading.getOrder('big')).toMatchObject({
      status: 'rejected',
      rejectCode: 'insufficient_funds',
      placed: false,
    });
  });

  it('a cancel, an update or a trade of a missing order is refused with order_not_found', async () => {
    const userId = await newUser(books.pincex);
    const cancel = { command: 'cancelOrder', id: 'c', userId, orderId: 'none' };
    expect((await rejection(anyway(cancel))).slice(0, 2)).toEqual(['order_not_found', true]);
    expect((await rejection(anyway({ ...update, userId })))[0]).toBe('order_not_found');
    expect((await rejection(anyway({ ...trade, buyUserId: userId })))[0]).toBe('order_not_found');
  });

  it('a change of the status of a placed order is refused, except that it may open', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    const own = { ...update, userId, orderId: 's' };
    await step(anyway({ ...stop, id: 's', userId }));
    expect((await rejection(anyway({ ...own, status: 'cancelled' })))[0]).toBe('order_placed');
    await step(anyway({ ...own, status: 'open' }));
    expect((await rejection(anyway({ ...own, id: 'y', status: 'filled' }))).slice(0, 2)).toEqual([
      'order_placed',
      false,
    ]);
    expect((await rejection(anyway({ ...own, id: 'y', status: 'pending' })))[0]).toBe('invalid_transition');
  });

  it('an id that was used with other content is refused with id_reused', async () => {
    const userId = await newUser(books.pincex, { USD: '100' });
    await step(anyway({ ...lock, userId }));
    for (const other of [
      { ...lock, userId, amount: '2' },
      { ...lock, userId, orderId: 'other' },
      { ...lock, userId, expiresAt: '2030-01-01T00:00:00Z' },
      { ...lock, command: 'unlockFunds', userId },
      { ...account, id: 'l', userId },
    ]) {
      const [code, retryable, message] = await rejection(anyway(other));
      expect([code, retryable]).toEqual(['id_reused', false]);
      expect(message).toContain('lockFunds');
    }
  });

  it('a trade that does not fit its orders is refused', async () => {
    const buyer = await newUser(books.pincex, { USD: '100' });
    const seller = await newUser(books.pincex, { BTC: '5' });
    const own = { ...trade, buyUserId: buyer, sellUserId: seller };
    await step(
      anyway({ ...order, id: 'bo', userId: buyer, quantity: '2' }),
      anyway({ ...order, id: 'so', userId: seller, side: 'sell', quantity: '3', price: '9' }),
      anyway({ ...stop, id: 'waiting', userId: buyer }),
    );
    for (const [why, item, code] of [
      ['a price above the buyer’s', { ...own, price: '10.01' }, 'trade_mismatch'],
      ['a price below the seller’s', { ...own, price: '8.99' }, 'trade_mismatch'],
      ['more than is left', { ...own, quantity: '2.1' }, 'trade_mismatch'],
      ['another market', { ...own, symbol: 'ETH/USD' }, 'trade_mismatch'],
      [
        'two sells',
        { ...own, buyUserId: seller, buyOrderId: 'so', sellUserId: buyer, sellOrderId: 'bo' },
        'trade_mismatch',
      ],
      ['an order that waits', { ...own, buyOrderId: 'waiting' }, 'invalid_transition'],
      ['a fee above what is bought', { ...own, buyFee: '1.1' }, 'invalid_amount'],
      ['a fee above what is paid', { ...own, sellFee: '10.01' }, 'invalid_amount'],
    ] as const) {
      expect([why, (await rejection(anyway(item)))[0]]).toEqual([why, code]);
    }
    expectApplied(await books.pincex.execute([anyway<MixedItem>({ ...own, quantity: '2' })]));
    expect((await rejection(anyway({ ...own, id: 't2' })))[0]).toBe('invalid_transition');
  });

  it('the other items of a group with a failed item are refused with group_failed, which names that item', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const items = [
      { ...lock, id: 'a', userId, group: 'g' },
      { ...lock, id: 'b', userId, amount: '100', group: 'g' },
      { ...lock, id: 'c', userId, group: 'g' },
    ];
    const batch = await books.pincex.execute(items.map((item) => anyway<MixedItem>(item)));
    expect(outcomes(batch)).toEqual(['group_failed', 'insufficient_funds', 'group_failed']);
    expect(batch.failedItems.get(0)!.message).toContain('b (item 1)');
    expect(batch.failedItems.get(2)!.retryable).toBe(true);
  });
});
