import { expect, it } from 'vitest';
import type { Catalog, Market } from '../../src/catalog/catalog.ts';
import { Fields } from '../../src/commands/fields.ts';
import { commands, type CommandType } from '../../src/commands/index.ts';

/** The content of an item tells a repetition from another item under the same id: it covers every field, and nothing else. */

const USD = { code: 'USD', scale: 2 };
const BTC = { code: 'BTC', scale: 8 };
const market = (base: typeof USD, quote: typeof USD): Market => ({
  symbol: `${base.code}/${quote.code}`,
  base,
  quote,
  ...{
    tickSize: '0.01',
    lotSize: '0.01',
    minNotional: '0',
    priceScale: 2,
    tick: 1n,
    lot: 1n,
    leastValue: 0n,
    priceBand: null,
  },
});
const catalog: Catalog = {
  currencies: new Map([USD, BTC].map((currency) => [currency.code, currency])),
  markets: new Map([market(BTC, USD), market(USD, BTC)].map((one) => [one.symbol, one])),
};

const money = { id: ['i'], userId: ['u'], currency: ['USD', 'BTC'], amount: ['1', '2'] };
const order = {
  id: ['i'],
  userId: ['u'],
  symbol: ['BTC/USD', 'USD/BTC'],
  side: ['buy', 'sell'],
  type: ['limit'],
  quantity: ['10', '11'],
  price: ['10', '11'],
  displayQuantity: ['1', '2'],
  timeInForce: ['gtd', 'day'],
  expiresAt: ['2030-01-01T00:00:00Z', '2031-01-01T00:00:00Z'],
  ocoGroupId: ['o', 'p'],
  parentOrderId: ['q', 'r'],
};
const stop = { ...order, type: ['stop_limit'], stopPrice: ['9', '8'] };
const trailing = {
  ...{
    id: ['i'],
    userId: ['u'],
    symbol: ['BTC/USD'],
    side: ['sell'],
    type: ['trailing_stop'],
    quantity: ['1'],
  },
  trailingPercent: ['1', '2'],
};
const trailingAmount = { ...trailing, trailingPercent: [null], trailingAmount: ['1', '2'] };
const free = {
  ...{ id: ['i'], userId: ['u'], symbol: ['BTC/USD'], side: ['buy'], type: ['market'], quantity: ['1'] },
  holdAmount: ['10', '11'],
};

/** The fields of each command: a value for each, and a second value for those that the content depends on. */
const ITEMS: readonly (readonly [CommandType, Readonly<Record<string, readonly unknown[]>>])[] = [
  ['createAccount', { id: ['i'], userId: ['u'], currency: ['USD', 'BTC'] }],
  ['deposit', { ...money, reference: ['r', 's'] }],
  ['withdraw', { ...money, reference: ['r', 's'] }],
  ['transfer', { ...money, reference: ['r', 's'], toUserId: ['v', 'w'] }],
  ['lockFunds', { ...money, orderId: ['o', 'p'], expiresAt: order.expiresAt }],
  ['unlockFunds', { ...money, orderId: ['o', 'p'] }],
  ...[order, stop, trailing, trailingAmount, free].flatMap((fields) => [
    ['createOrder', fields] as const,
    ['placeOrder', fields] as const,
  ]),
  ['cancelOrder', { id: ['i'], userId: ['u'], orderId: ['o', 'p'] }],
  [
    'updateOrderStatus',
    {
      ...{ id: ['i'], userId: ['u'], orderId: ['o', 'p'], status: ['filled', 'cancelled'] },
      ...{ filledQuantity: ['1', '2'], averagePrice: ['1', '2'] },
    },
  ],
  [
    'settleTrade',
    {
      ...{ id: ['i'], symbol: ['BTC/USD', 'USD/BTC'], price: ['1', '2'], quantity: ['1', '2'] },
      ...{ buyUserId: ['a', 'b'], buyOrderId: ['c', 'd'], sellUserId: ['e', 'f'], sellOrderId: ['g', 'h'] },
      ...{ takerSide: ['buy', 'sell'], buyFee: ['0.1', '0.2'], sellFee: ['0.1', '0.2'] },
    },
  ],
];

const CHANGES = ITEMS.flatMap(([command, fields], item) =>
  Object.keys(fields)
    .filter((field) => fields[field]!.length > 1)
    .map((field) => ({ command, field, item })),
);

it.each(CHANGES)(
  'the content of $command changes when its $field changes (item $item)',
  ({ field, item }) => {
    const [type, fields] = ITEMS[item]!;
    const values = Object.fromEntries(Object.entries(fields).map(([name, [value]]) => [name, value]));
    const contentOf = (values: Readonly<Record<string, unknown>>) =>
      commands[type](new Fields(values, catalog)).content;
    expect(contentOf({ ...values })).toBe(contentOf(values));
    expect(contentOf({ ...values, [field]: fields[field]![1] })).not.toBe(contentOf(values));
  },
);
