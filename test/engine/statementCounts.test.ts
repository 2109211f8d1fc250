import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCurrencies, readMarkets } from '../../src/catalog/store.ts';
import { FEES, type MixedItem, type Pincex, type PincexTransaction, type Strategy } from '../../src/index.ts';
import { expectApplied, expectBalanced, openBooks } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** The number of SQL statements of a call does not depend on the number of its items. */

const SIZES = [1, 100, 1_000];

let database: TestDatabase;
const statements: string[] = [];
/** The statements that reload the catalog every ten seconds belong to no batch. */
const ANEW: readonly string[] = [readCurrencies.name, readMarkets.name];

/** The strategies, and a transaction of the caller, in which every strategy sends the same statements. */
const WITHIN = 'in a transaction of the caller';
const WAYS = ['auto', 'guard', 'lock', WITHIN] as const;
type Way = (typeof WAYS)[number];
const open = new Map<Strategy, Pincex>();

beforeAll(async () => {
  database = await createTestDatabase();
  for (const strategy of ['auto', 'guard', 'lock'] as const) {
    const pincex = await openBooks(database.url, {
      strategy,
      onStatement({ name }) {
        if (!ANEW.includes(name)) statements.push(name);
      },
    });
    open.set(strategy, pincex);
    // Only the first call reads the catalog and creates the accounts of the outside world and of the fees.
    for (const currency of ['USD', 'BTC']) {
      const item = { id: `warm-${strategy}-${currency}`, userId: FEES, currency, amount: '1' };
      expectApplied(await pincex.bookkeeper.batchDeposit([item]));
    }
  }
  await prepare([...payments('USD'), ...payments('BTC')]);
});
afterAll(async () => {
  await expectBalanced(open.get('auto')!);
  for (const pincex of open.values()) await pincex.close();
  await database.drop();
});

async function prepare(items: readonly MixedItem[]): Promise<void> {
  expectApplied(await open.get('auto')!.execute(items));
}

async function count(call: () => Promise<unknown>): Promise<string[]> {
  statements.length = 0;
  await call();
  return [...statements];
}

const times = <Value>(n: number, make: (i: number) => Value): Value[] =>
  Array.from({ length: n }, (_, i) => make(i));

/** The id of a user with enough money for all tests of this file. */
const payer = (i: number): string => `payer-${i}`;
const payments = (currency: string): MixedItem[] =>
  times(SIZES.at(-1)!, (i) => ({
    command: 'deposit',
    id: `d-${currency}`,
    userId: payer(i),
    currency,
    amount: '1000',
  }));

/** `n` items of a command, each for a user and under a name of its own, and the items that have to be applied before. */
type Make = (n: number, name: string) => { before?: MixedItem[]; items: MixedItem[] };

const locks = (n: number, name: string): MixedItem[] =>
  times(n, (i) => ({
    command: 'lockFunds',
    id: `l-${name}`,
    userId: payer(i),
    currency: 'USD',
    amount: '1',
    orderId: `h-${name}`,
  }));
const order = (name: string, i: number, side: 'buy' | 'sell') =>
  ({
    id: `${name}-${side}-${i}`,
    userId: payer(i),
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
    items: times(n, (i) => ({ command: 'createAccount', id: 'a', userId: `${name}-${i}`, currency: 'USD' })),
  }),
  // The first deposit of a user creates the account.
  deposit: (n, name) => ({
    items: times(n, (i) => ({
      command: 'deposit',
      id: 'd',
      userId: `${name}-${i}`,
      currency: 'USD',
      amount: '1',
    })),
  }),
  withdraw: (n, name) => ({
    items: times(n, (i) => ({
      command: 'withdraw',
      id: `w-${name}`,
      userId: payer(i),
      currency: 'USD',
      amount: '1',
    })),
  }),
  transfer: (n, name) => ({
    items: times(n, (i) => ({
      command: 'transfer',
      id: `t-${name}`,
      userId: payer(i),
      toUserId: `${name}-to-${i}`,
      currency: 'USD',
      amount: '1',
    })),
  }),
  lockFunds: (n, name) => ({ items: locks(n, name) }),
  unlockFunds: (n, name) => ({
    before: locks(n, name),
    items: locks(n, name).map((item) => ({ ...item, command: 'unlockFunds', id: `u-${name}` }) as MixedItem),
  }),
  createOrder: (n, name) => ({ items: created(n, name) }),
  placeOrder: (n, name) => ({ items: placed(n, name, 'buy') }),
  cancelOrder: (n, name) => ({
    before: placed(n, name, 'buy'),
    items: times(n, (i) => ({
      command: 'cancelOrder',
      id: `c-${name}`,
      userId: payer(i),
      orderId: order(name, i, 'buy').id,
    })),
  }),
  updateOrderStatus: (n, name) => ({
    before: created(n, name),
    items: times(n, (i) => ({
      command: 'updateOrderStatus',
      id: `x-${name}`,
      userId: payer(i),
      orderId: order(name, i, 'buy').id,
      status: 'filled',
    })),
  }),
  settleTrade: (n, name) => ({
    before: [...placed(n, name, 'buy'), ...placed(n, name, 'sell')],
    items: times(n, (i) => ({
      command: 'settleTrade',
      id: `t-${name}-${i}`,
      symbol: 'BTC/USD',
      price: '10',
      quantity: '1',
      buyUserId: payer(i),
      buyOrderId: order(name, i, 'buy').id,
      sellUserId: payer((i + 1) % n),
      sellOrderId: order(name, (i + 1) % n, 'sell').id,
      takerSide: 'buy',
      buyFee: '0.01',
      sellFee: '0.01',
    })),
  }),
};

/** The statements of a batch of each of the sizes. */
async function countEach(make: Make, name: string, way: Way): Promise<string[][]> {
  const pincex = open.get(way === WITHIN ? 'auto' : way)!;
  const counts: string[][] = [];
  for (const size of SIZES) {
    const { before = [], items } = make(size, `${name}-${way}-${size}`);
    await prepare(before);
    const run = async (target: Pick<PincexTransaction, 'execute'>): Promise<void> => {
      expectApplied(await target.execute(items));
    };
    counts.push(await count(() => (way === WITHIN ? pincex.transaction(run) : run(pincex))));
  }
  return counts;
}

describe('the statements of a batch', () => {
  describe.each(WAYS)('(%s)', (way) => {
    it.each(Object.entries(MAKES))(
      'a batch of %s takes the same statements for 1, 100 and 1,000 items',
      async (command, make) => {
        const [one, hundred, thousand] = await countEach(make, command, way);
        expect(hundred).toEqual(one);
        expect(thousand).toEqual(one);
        if (way === 'auto' || way === 'guard') expect(one).toHaveLength(2);
      },
    );
  });

  it('a batch whose items are all refused takes one statement for 1, 100 and 1,000 items', async () => {
    const nobodies = (size: number) =>
      locks(size, `refused-${size}`).map((item, i) => ({ ...item, userId: `nobody-${i}` }) as MixedItem);
    for (const size of SIZES) {
      const items = nobodies(size);
      const statements = await count(async () => {
        expect((await open.get('auto')!.execute(items)).counts.rejected).toBe(size);
      });
      expect(statements).toHaveLength(1);
    }
  });

  it('a batch whose items are all replayed takes one statement for 1, 100 and 1,000 items', async () => {
    for (const size of SIZES) {
      const items = locks(size, `replayed-${size}`);
      await prepare(items);
      const statements = await count(async () => {
        expect((await open.get('auto')!.execute(items)).counts.replayed).toBe(size);
      });
      expect(statements).toHaveLength(1);
    }
  });
});

describe('the statements of a read', () => {
  beforeAll(() => prepare(placed(SIZES.at(-1)!, 'read', 'buy')));

  const users = (n: number) => times(n, payer);
  const orders = (n: number) => times(n, (i) => order('read', i, 'buy').id);
  const symbols = (n: number) => times(n, (i) => (i % 2 === 0 ? 'BTC/USD' : 'ETH/USD'));
  const READS: Readonly<Record<string, (pincex: Pincex, n: number) => Promise<unknown>>> = {
    accounts: ({ bookkeeper }, n) => bookkeeper.batchGetAccounts(users(n), ['USD', 'BTC']),
    'orders by their ids': ({ trading }, n) => trading.batchGetOrdersByIds(orders(n)),
    'orders of users': ({ trading }, n) =>
      trading.batchGetUserOrders(users(n), { statuses: ['open'], symbol: 'BTC/USD', limit: 5 }),
    'open orders of users': ({ trading }, n) => trading.batchGetOpenOrdersByUsers(users(n)),
    'trades of orders': ({ trading }, n) => trading.batchGetTradesByOrderIds(orders(n)),
    'order books': ({ trading }, n) => trading.batchGetOrderBooks(symbols(n), 5),
  };

  it.each(Object.entries(READS))(
    'a read of %s takes one statement for 1, 100 and 1,000 keys',
    async (_, read) => {
      for (const size of SIZES) expect(await count(() => read(open.get('auto')!, size))).toHaveLength(1);
    },
  );
});
