import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEES, type MixedItem, type Pincex, type PincexTransaction, type Strategy } from '../../src/index.ts';
import { expectApplied, expectBalanced, openBooks } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** The number of SQL statements of a call does not depend on the number of its items. */

const SIZES = [1, 100, 1_000];

let database: TestDatabase;
const statements: string[] = [];
const open: Pincex[] = [];
const strategies: readonly Strategy[] = ['auto', 'guard', 'lock'];

beforeAll(async () => {
  database = await createTestDatabase();
  for (const strategy of strategies) {
    open.push(await openBooks(database.url, { strategy, onStatement: ({ name }) => statements.push(name) }));
  }
  // What only the first call ever does: read the catalog, make the accounts of the outside world and of the fees.
  for (const [place, pincex] of open.entries()) {
    for (const currency of ['USD', 'BTC']) {
      const item = { id: `warm-${place}-${currency}`, userId: FEES, currency, amount: '1' };
      expectApplied(await pincex.bookkeeper.batchDeposit([item]));
    }
  }
});
afterAll(async () => {
  await expectBalanced(open[0]!);
  for (const pincex of open) await pincex.close();
  await database.drop();
});

async function count(call: () => Promise<unknown>): Promise<string[]> {
  statements.length = 0;
  await call();
  return [...statements];
}

/** What each command needs, and the command: `n` items of it, of users and orders of their own. */
type Make = (n: number, name: string) => { before: MixedItem[][]; items: MixedItem[] };

const times = <Value>(n: number, make: (i: number) => Value): Value[] =>
  Array.from({ length: n }, (_, i) => make(i));

const deposits = (n: number, name: string, currency: string): MixedItem[] =>
  times(n, (i) => ({
    command: 'deposit',
    id: `d-${currency}`,
    userId: `${name}-${i}`,
    currency,
    amount: '100',
  }));
const locks = (n: number, name: string): MixedItem[] =>
  times(n, (i) => ({
    command: 'lockFunds',
    id: 'l',
    userId: `${name}-${i}`,
    currency: 'USD',
    amount: '1',
    orderId: 'h',
  }));
const order = (name: string, i: number, side: 'buy' | 'sell') =>
  ({
    id: `${name}-${side}-${i}`,
    userId: `${name}-${i}`,
    symbol: 'BTC/USD',
    side,
    type: 'limit',
    quantity: '1',
    price: '10',
  }) as const;
const placed = (n: number, name: string, side: 'buy' | 'sell'): MixedItem[] =>
  times(n, (i) => ({ command: 'placeOrder', ...order(name, i, side) }));
const created = (n: number, name: string): MixedItem[] =>
  times(n, (i) => ({ command: 'createOrder', ...order(name, i, 'buy') }));

const MAKES: Readonly<Record<MixedItem['command'], Make>> = {
  createAccount: (n, name) => ({
    before: [],
    items: times(n, (i) => ({ command: 'createAccount', id: 'a', userId: `${name}-${i}`, currency: 'USD' })),
  }),
  deposit: (n, name) => ({ before: [], items: deposits(n, name, 'USD') }),
  withdraw: (n, name) => ({
    before: [deposits(n, name, 'USD')],
    items: times(n, (i) => ({
      command: 'withdraw',
      id: 'w',
      userId: `${name}-${i}`,
      currency: 'USD',
      amount: '1',
    })),
  }),
  transfer: (n, name) => ({
    before: [deposits(n, name, 'USD')],
    items: times(n, (i) => ({
      command: 'transfer',
      id: 't',
      userId: `${name}-${i}`,
      toUserId: `${name}-to-${i}`,
      currency: 'USD',
      amount: '1',
    })),
  }),
  lockFunds: (n, name) => ({ before: [deposits(n, name, 'USD')], items: locks(n, name) }),
  unlockFunds: (n, name) => ({
    before: [deposits(n, name, 'USD'), locks(n, name)],
    items: locks(n, name).map((item) => ({ ...item, command: 'unlockFunds', id: 'u' }) as MixedItem),
  }),
  createOrder: (n, name) => ({ before: [], items: created(n, name) }),
  placeOrder: (n, name) => ({ before: [deposits(n, name, 'USD')], items: placed(n, name, 'buy') }),
  cancelOrder: (n, name) => ({
    before: [deposits(n, name, 'USD'), placed(n, name, 'buy')],
    items: times(n, (i) => ({
      command: 'cancelOrder',
      id: 'c',
      userId: `${name}-${i}`,
      orderId: order(name, i, 'buy').id,
    })),
  }),
  updateOrderStatus: (n, name) => ({
    before: [created(n, name)],
    items: times(n, (i) => ({
      command: 'updateOrderStatus',
      id: 'x',
      userId: `${name}-${i}`,
      orderId: order(name, i, 'buy').id,
      status: 'filled',
    })),
  }),
  settleTrade: (n, name) => ({
    before: [
      deposits(n, name, 'USD'),
      deposits(n, name, 'BTC'),
      placed(n, name, 'buy'),
      placed(n, name, 'sell'),
    ],
    items: times(n, (i) => ({
      command: 'settleTrade',
      id: `t-${i}`,
      symbol: 'BTC/USD',
      price: '10',
      quantity: '1',
      buyUserId: `${name}-${i}`,
      buyOrderId: order(name, i, 'buy').id,
      sellUserId: `${name}-${(i + 1) % n}`,
      sellOrderId: order(name, (i + 1) % n, 'sell').id,
      takerSide: 'buy',
      buyFee: '0.01',
      sellFee: '0.01',
    })),
  }),
};

const CASES = strategies.flatMap((strategy, place) =>
  Object.entries(MAKES).flatMap(([command, make]) =>
    [false, true].map((within) => ({ strategy, place, command, make, within })),
  ),
);

describe('as many statements for 1, 100 and 1,000 items', () => {
  it.each(CASES)(
    'of $command ($strategy, in a transaction of the caller: $within)',
    async ({ strategy, place, command, make, within }) => {
      const pincex = open[place]!;
      const counts: string[][] = [];
      for (const size of SIZES) {
        const { before, items } = make(size, `${command}-${strategy}-${within}-${size}`);
        for (const batch of before) expectApplied(await pincex.execute(batch));
        const run = async (target: Pick<PincexTransaction, 'execute'>): Promise<void> => {
          expectApplied(await target.execute(items));
        };
        counts.push(await count(() => (within ? pincex.transaction(run) : run(pincex))));
      }
      expect(counts[1]).toEqual(counts[0]);
      expect(counts[2]).toEqual(counts[0]);
      if (!within && strategy !== 'lock') expect(counts[0]).toHaveLength(2);
    },
  );

  it.each(['accounts', 'ordersByIds', 'userOrders', 'openOrders', 'trades', 'orderBooks'])(
    'of a read of %s',
    async (read) => {
      const { bookkeeper, trading } = open[0]!;
      const reads: Readonly<Record<string, (ids: string[]) => Promise<unknown>>> = {
        accounts: (ids) => bookkeeper.batchGetAccounts(ids, ['USD', 'BTC']),
        ordersByIds: (ids) => trading.batchGetOrdersByIds(ids),
        userOrders: (ids) =>
          trading.batchGetUserOrders(ids, { statuses: ['open'], symbol: 'BTC/USD', limit: 5 }),
        openOrders: (ids) => trading.batchGetOpenOrdersByUsers(ids),
        trades: (ids) => trading.batchGetTradesByOrderIds(ids),
        orderBooks: (ids) => trading.batchGetOrderBooks(ids, 5),
      };
      for (const size of SIZES) {
        const ids = times(size, (i) =>
          read === 'orderBooks' && i % 2 === 0 ? 'BTC/USD' : `placeOrder-auto-false-1000-${i}`,
        );
        expect(await count(() => reads[read]!(ids))).toHaveLength(1);
      }
    },
  );

  it('of a batch of which every item is replayed or refused', async () => {
    for (const size of SIZES) {
      const items = MAKES.lockFunds(size, `refused-${size}`).items;
      expect(await count(() => open[0]!.execute(items))).toHaveLength(1);
    }
  });
});
