import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  loadConfig,
  Pincex,
  type BatchResult,
  type CommandType,
  type Config,
  type MixedItem,
} from '../../src/index.ts';
import { limits } from '../../src/limits.ts';
import {
  anyway,
  configOf,
  expectApplied,
  expectBalanced,
  fresh,
  funds,
  newUser,
  useBooks,
} from '../support/books.ts';

/** Unknown fields, options and codes, and values that cannot be read, are refused and never ignored. */

const books = useBooks({}, { audited: false });
afterAll(() => expectBalanced(books.pincex));

const order = {
  id: 'o',
  userId: 'u',
  symbol: 'BTC/USD',
  side: 'buy',
  type: 'limit',
  quantity: '1',
  price: '10',
};
const money = { id: 'm', userId: 'u', currency: 'USD', amount: '1' };
const ITEMS: Readonly<Record<CommandType, object>> = {
  createAccount: { id: 'a', userId: 'u', currency: 'USD' },
  deposit: money,
  withdraw: money,
  transfer: { ...money, toUserId: 'v' },
  lockFunds: { ...money, orderId: 'o' },
  unlockFunds: { ...money, orderId: 'o' },
  createOrder: order,
  placeOrder: order,
  cancelOrder: { id: 'c', userId: 'u', orderId: 'o' },
  updateOrderStatus: { id: 's', userId: 'u', orderId: 'o', status: 'open' },
  settleTrade: {
    id: 't',
    symbol: 'BTC/USD',
    price: '10',
    quantity: '1',
    buyUserId: 'b',
    buyOrderId: 'bo',
    sellUserId: 's',
    sellOrderId: 'so',
    takerSide: 'buy',
  },
};

/** A method without its types, which takes any arguments. */
const loosely = (method: unknown) => method as (...given: unknown[]) => unknown;

type Batch = (items: readonly unknown[], options?: unknown) => Promise<BatchResult<unknown>>;

/** The method for batches of one command. */
const batchOf = (type: CommandType): Batch => {
  const { bookkeeper, trading } = books.pincex;
  const calls: Readonly<Record<CommandType, unknown>> = {
    createAccount: bookkeeper.batchCreateAccounts.bind(bookkeeper),
    deposit: bookkeeper.batchDeposit.bind(bookkeeper),
    withdraw: bookkeeper.batchWithdraw.bind(bookkeeper),
    transfer: bookkeeper.batchTransfer.bind(bookkeeper),
    lockFunds: bookkeeper.batchLockFunds.bind(bookkeeper),
    unlockFunds: bookkeeper.batchUnlockFunds.bind(bookkeeper),
    createOrder: trading.batchCreateOrders.bind(trading),
    placeOrder: trading.batchPlaceOrders.bind(trading),
    cancelOrder: trading.batchCancelOrders.bind(trading),
    updateOrderStatus: trading.batchUpdateOrderStatus.bind(trading),
    settleTrade: trading.batchSettleTrades.bind(trading),
  };
  return calls[type] as Batch;
};

const errorOf = ({ results }: BatchResult<unknown>, place = 0): string => {
  const result = results[place];
  return result?.status === 'rejected'
    ? `${result.error.code}: ${result.error.message}`
    : (result?.status ?? '');
};

const mixed = (...items: unknown[]): Promise<BatchResult<unknown>> =>
  books.pincex.execute(anyway<readonly MixedItem[]>(items));

describe('an unknown field', () => {
  it.each(Object.keys(ITEMS) as CommandType[])(
    'an unknown field of %s is refused, by the method of the command and by execute',
    async (type) => {
      const item = { ...ITEMS[type], usrId: 'u' };
      const says = new RegExp(
        `^invalid_item: Item 0 \\(.*\\): "usrId" is not a field of ${type}: the nearest is .*\\w, of id,`,
      );
      expect(errorOf(await batchOf(type)([item]))).toMatch(says);
      expect(errorOf(await mixed({ ...item, command: type }))).toMatch(says);
    },
  );

  it.each([
    ['settleTrade', 'buyfee', 'buyFee'],
    ['settleTrade', 'sellFees', 'sellFee'],
    ['settleTrade', 'takerFee', 'takerSide'],
    ['lockFunds', 'expireAt', 'expiresAt'],
    ['lockFunds', 'expires_at', 'expiresAt'],
    ['lockFunds', 'Amount', 'amount'],
    ['placeOrder', 'stop_price', 'stopPrice'],
    ['placeOrder', 'recordRejections', 'recordRejection'],
    ['cancelOrder', 'order', 'orderId'],
    ['deposit', 'ref', 'reference'],
  ] as const)(
    'an unknown field of %s named %s is refused with the nearest name, %s',
    async (type, name, near) => {
      const error = errorOf(await batchOf(type)([{ ...ITEMS[type], [name]: '1' }]));
      expect(error).toContain(`"${name}" is not a field of ${type}: the nearest is ${near}, of `);
    },
  );

  it('an unknown field is reported before other faults, also when it stands for a required field', async () => {
    const { amount, ...rest } = money;
    const error = errorOf(
      await mixed({ ...rest, command: 'deposit', ammount: amount, currency: 'XXX', group: '' }),
    );
    expect(error).toContain(
      'invalid_item: Item 0 (m): "ammount" is not a field of deposit: the nearest is amount',
    );
  });

  it('an unknown field is refused whatever its value, and also when a prototype has it', async () => {
    for (const item of [
      { ...money, buyfee: undefined },
      Object.assign(Object.create({ buyfee: '1' }) as object, money),
      Object.assign(Object.create(null) as object, { ...money, constructor: 1 }),
      JSON.parse(`{"__proto__":1,${JSON.stringify(money).slice(1)}`),
    ]) {
      expect(errorOf(await batchOf('deposit')([item]))).toContain('is not a field of deposit');
    }
  });

  it('an unknown field fails the group of its item, and no other item', async () => {
    const userId = fresh('user');
    const deposits = ['a', 'b', 'c'].map((id) => ({ ...money, id, userId }));
    const batch = await batchOf('deposit')([
      { ...deposits[0], group: 'g' },
      { ...deposits[1], group: 'g', buyfee: '1' },
      deposits[2],
    ]);
    expect(errorOf(batch, 0)).toMatch(/^group_failed/);
    expect(errorOf(batch, 1)).toMatch(/^invalid_item: Item 1 \(b\)/);
    expect(await funds(books.pincex, userId, 'USD')).toBe('1 / 0');
  });

  it('the field command is unknown to a method for one command', async () => {
    expect(errorOf(await batchOf('deposit')([{ ...money, command: 'deposit' }]))).toContain('"command"');
  });
});

describe('an item that cannot be read', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  const getter = (field: string) =>
    Object.defineProperty({ ...money }, field, { enumerable: true, get: boom });
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({ ...money }, {});
    revoke();
    return proxy;
  };
  const hostile = Object.defineProperty(new Error(), 'message', { get: boom });
  const throwHostile = (): never => {
    throw hostile;
  };
  const time = new Date(Date.UTC(2030, 0));
  const lying = (toISOString: () => unknown) => Object.assign(new Date(time), { toISOString });
  const lock = { ...money, orderId: 'o' };

  it.each<[string, CommandType, unknown, says: string]>([
    ['an item with a getter that throws', 'deposit', getter('amount'), 'amount cannot be read: boom'],
    ['an item whose id has a getter that throws', 'deposit', getter('id'), 'id cannot be read: boom'],
    [
      'an item whose group has a getter that throws',
      'deposit',
      getter('group'),
      'group cannot be read: boom',
    ],
    [
      'a Proxy that throws for a field',
      'deposit',
      new Proxy({ ...money }, { get: boom }),
      'cannot be read: boom',
    ],
    [
      'a Proxy that does not list its fields',
      'deposit',
      new Proxy({ ...money }, { ownKeys: boom }),
      'cannot be listed',
    ],
    ['a revoked Proxy', 'deposit', revoked(), 'cannot be read'],
    [
      'a Proxy that throws an error that cannot be read either',
      'deposit',
      new Proxy({ ...money }, { get: throwHostile }),
      'its error cannot be read either',
    ],
    [
      'an amount that is a revoked Proxy',
      'deposit',
      { ...money, amount: revoked() },
      'amount cannot be read',
    ],
    [
      'a date whose toISOString returns another text',
      'lockFunds',
      { ...lock, expiresAt: lying(() => 'x') },
      'toISOString',
    ],
    [
      'a date whose toISOString returns another time',
      'lockFunds',
      { ...lock, expiresAt: lying(() => '2031-01-01T00:00:00.000Z') },
      'its toISOString tells another time than 2030-01-01T00:00:00.000Z',
    ],
    [
      'a date whose toISOString throws',
      'lockFunds',
      { ...lock, expiresAt: lying(boom) },
      'expiresAt cannot be read: boom',
    ],
    [
      'a Proxy of a date',
      'lockFunds',
      { ...lock, expiresAt: new Proxy(time, {}) },
      'expiresAt cannot be read',
    ],
    [
      'an object that only has the prototype of a date',
      'lockFunds',
      { ...lock, expiresAt: Object.create(Date.prototype) as Date },
      'expiresAt',
    ],
  ])('%s is refused as invalid_item, and the item beside it is applied', async (_, type, item, says) => {
    const userId = fresh('user');
    const good = { ...money, userId };
    const [bad, other] = [await batchOf(type)([item]), await mixed({ ...good, command: 'deposit' }, item)];
    expect(errorOf(bad)).toMatch(/^invalid_item: Item 0/);
    expect(errorOf(bad)).toContain(says);
    expect(other.results.map(({ status }) => status)).toEqual(['applied', 'rejected']);
  });

  it('an item whose command has a getter that throws is refused as invalid_item', async () => {
    const item = Object.defineProperty({ ...money }, 'command', { enumerable: true, get: boom });
    expect(errorOf(await mixed(item))).toBe('invalid_item: Item 0 (m): command cannot be read: boom');
  });

  it('a hole in the array of items is refused as invalid_item, and the items beside it are applied', async () => {
    const userId = fresh('user');
    const items: unknown[] = [];
    items[2] = { ...money, userId };
    const batch = await batchOf('deposit')(items);
    expect([0, 1, 2].map((place) => errorOf(batch, place))).toEqual([
      'invalid_item: Item 0: An item is an object: got nothing',
      'invalid_item: Item 1: An item is an object: got nothing',
      'applied',
    ]);
  });

  it('an element of the array that throws when it is read is refused as invalid_item', async () => {
    const items = new Proxy([money], {
      get: (array, name) => (name === '0' ? boom() : (Reflect.get(array, name) as unknown)),
    });
    expect(errorOf(await batchOf('deposit')(items))).toBe('invalid_item: Item 0: cannot be read: boom');
  });
});

describe('an item is read once', () => {
  it('a getter of an item is asked once, so that it cannot answer differently the second time', async () => {
    const userId = fresh('user');
    let asked = 0;
    const item = { ...money, userId, get amount() { return String(++asked); } }; // prettier-ignore
    // The item beside it has an unknown currency, for which the batch is read a second time.
    await batchOf('deposit')([item, { ...money, currency: 'NEWONE' }]);
    expect(asked).toBe(1);
    expect(await funds(books.pincex, userId, 'USD')).toBe('1 / 0');
  });

  it('an item is read when the call is made: later changes of it, its dates and its array have no effect', async () => {
    const userId = await newUser(books.pincex, { USD: '10' });
    const expiresAt = new Date(Date.UTC(2100, 0));
    const item = { ...money, userId, orderId: 'held', expiresAt };
    const items = [item];
    const running = batchOf('lockFunds')(items);
    item.amount = '9';
    expiresAt.setTime(0);
    items.push({ ...item, id: 'second' });
    expectApplied(await running);
    expect(
      await books.sql('SELECT amount::text, expires_at::text FROM holds WHERE user_id = $1', [userId]),
    ).toEqual([{ amount: '1.00', expires_at: expect.stringMatching(/^(2100-01-01|2099-12-31)/) as string }]);
  });

  it('an item may be an instance of a class with fields in its prototype', async () => {
    const userId = fresh('user');
    class Deposit {
      readonly #user = userId;
      readonly id = 'd';
      readonly currency = 'USD';
      get userId() {
        return this.#user;
      }
      get amount() {
        return String(this.id.length * 2);
      }
      toJSON() {
        return {};
      }
    }
    expectApplied(await batchOf('deposit')([new Deposit()]));
    expect(await funds(books.pincex, userId, 'USD')).toBe('2 / 0');
  });
});

describe('the bound on the number of items', () => {
  it('an array is read by its length, also when its iterator yields more items', async () => {
    const userId = fresh('user');
    class Endless extends Array<unknown> {
      override *[Symbol.iterator](): ArrayIterator<unknown> {
        for (let n = 0; ; n++) yield { ...money, id: `n${n}`, userId };
      }
    }
    const batch = await batchOf('deposit')(Endless.from([{ ...money, userId }]));
    expect(batch.counts).toMatchObject({ total: 1, applied: 1 });
  });

  it.each([
    ['beyond the bound', limits.batches.items + 1, 'batch_too_large'],
    ['NaN', NaN, 'batch_too_large'],
    ['negative', -1, 'batch_too_large'],
  ])('a Proxy whose length is %s is refused', async (_, length, code) => {
    const items = new Proxy([money], {
      get: (array, name) => (name === 'length' ? length : (Reflect.get(array, name) as unknown)),
    });
    await expect(batchOf('deposit')(items)).rejects.toMatchObject({ code });
  });

  it('the length of a Proxy is read once, so that a larger second answer has no effect', async () => {
    const userId = fresh('user');
    const many = Array.from({ length: limits.batches.items + 1 }, (_, n) => ({
      ...money,
      id: `n${n}`,
      userId,
    }));
    let asked = 0;
    const items = new Proxy(many, {
      get: (array, name) => (name === 'length' && asked++ === 0 ? 1 : (Reflect.get(array, name) as unknown)),
    });
    expect((await batchOf('deposit')(items)).counts.total).toBe(1);
  });

  it('a revoked Proxy is refused as not an array', async () => {
    const { proxy, revoke } = Proxy.revocable([money], {});
    revoke();
    await expect(batchOf('deposit')(proxy)).rejects.toMatchObject({ code: 'invalid_batch' });
  });
});

describe('an unknown option', () => {
  const call = (of: (pincex: Pincex) => unknown) => Promise.resolve().then(() => of(books.pincex));
  const any = (value: unknown) => anyway<never>(value);

  it.each<[string, (pincex: Pincex) => unknown, code: string, says: string]>([
    [
      'of a batch',
      (p) => p.bookkeeper.batchDeposit([], any({ mod: 'atomic' })),
      'invalid_batch',
      '"mod" is not an option of a batch: the nearest is mode, of mode, batchId',
    ],
    [
      'of batchPlaceOrders',
      (p) => p.trading.batchPlaceOrders([], any({ modes: 'atomic' })),
      'invalid_batch',
      'mode',
    ],
    ['of execute', (p) => p.execute([], any({ batchID: 'x' })), 'invalid_batch', 'batchId'],
    ['of a single form', (p) => p.bookkeeper.deposit(any(money), any({ mod: 'x' })), 'invalid_batch', 'mode'],
    [
      'of a single form of trading',
      (p) => p.trading.createOrder(any(order), any({ mod: 'x' })),
      'invalid_batch',
      'mode',
    ],
    ['given as a text', (p) => p.execute([], any('atomic')), 'invalid_batch', 'got "atomic"'],
    ['given as an array', (p) => p.execute([], any(['atomic'])), 'invalid_batch', 'got an array'],
    [
      'in a transaction',
      (p) => p.transaction((tx) => tx.execute([], any({ mod: 'atomic' }))),
      'invalid_batch',
      'mode',
    ],
    [
      'in a second argument of a transaction',
      (p) => loosely(p.transaction.bind(p))(() => null, { isolation: 1 }),
      'invalid_argument',
      '"isolation" is not understood in argument 2 of transaction, which takes 1',
    ],
    [
      'of getAccount',
      (p) => p.bookkeeper.getAccount('u', 'USD', any({ minversion: 1 })),
      'invalid_argument',
      'minVersion',
    ],
    [
      'of batchGetAccounts',
      (p) => p.bookkeeper.batchGetAccounts(['u'], ['USD'], any({ minVersion: 1 })),
      'invalid_argument',
      'minVersions',
    ],
    [
      'of getOrder',
      (p) => p.trading.getOrder('o', any({ userId: 'u' })),
      'invalid_argument',
      '"userId" is not an option of getOrder',
    ],
    [
      'of batchGetOrdersByIds',
      (p) => p.trading.batchGetOrdersByIds(['o'], any({ fresh: true })),
      'invalid_argument',
      'minVersions',
    ],
    [
      'of getUserOrders',
      (p) => p.trading.getUserOrders('u', any({ status: 'open' })),
      'invalid_argument',
      'the nearest is statuses, of statuses, symbol, limit, fresh',
    ],
    [
      'named before',
      (p) => p.trading.getUserOrders('u', any({ before: 'x' })),
      'invalid_argument',
      '"before"',
    ],
    [
      'named offset',
      (p) => p.trading.batchGetUserOrders(['u'], any({ offset: 100 })),
      'invalid_argument',
      '"offset"',
    ],
    [
      'of batchGetOpenOrdersByUsers',
      (p) => p.trading.batchGetOpenOrdersByUsers(['u'], any({ limits: 1 })),
      'invalid_argument',
      'limit',
    ],
    [
      'of batchGetTradesByOrderIds',
      (p) => p.trading.batchGetTradesByOrderIds(['o'], any({ limit: 1 })),
      'invalid_argument',
      'fresh',
    ],
    [
      'of getOrderBook',
      (p) => p.trading.getOrderBook('BTC/USD', any({ depth: 5 })),
      'invalid_argument',
      'depth must be 1 to 1000: got a object',
    ],
    [
      'of batchGetOrderBooks',
      (p) => loosely(p.trading.batchGetOrderBooks.bind(p.trading))(['BTC/USD'], 5, { fresh: true }),
      'invalid_argument',
      'fresh',
    ],
    [
      'of batchGetOpenOrders',
      (p) => loosely(p.trading.batchGetOpenOrders.bind(p.trading))(['BTC/USD'], { limit: 5 }),
      'invalid_argument',
      '"limit" is not understood in argument 2 of batchGetOpenOrders, which takes 1',
    ],
    ['of streamAccounts', (p) => p.streamAccounts(any({ before: 'x' })), 'invalid_argument', 'after'],
    [
      'of streamOrders',
      (p) => p.streamOrders(any({ userId: 'u' })),
      'invalid_argument',
      '"userId" is not an option of a stream of orders: the nearest is after',
    ],
    ['of streamTrades', (p) => p.streamTrades(any({ cursor: 'x' })), 'invalid_argument', 'after'],
    ['of streamJournal', (p) => p.streamJournal(any({ from: 'x' })), 'invalid_argument', 'after'],
    ['of doctor', (p) => loosely(p.doctor.bind(p))({ thresholds: {} }), 'invalid_argument', '"thresholds"'],
    ['of audit', (p) => loosely(p.audit.bind(p))({ userId: 'u' }), 'invalid_argument', '"userId"'],
    ['of sweepExpired', (p) => loosely(p.sweepExpired.bind(p))({ limit: 1 }), 'invalid_argument', '"limit"'],
    ['of close', (p) => loosely(p.close.bind(p))({ force: true }), 'invalid_argument', '"force"'],
    ['of ping', (p) => loosely(p.ping.bind(p))({ timeout: 1 }), 'invalid_argument', '"timeout"'],
    [
      'in an argument after the options of a batch',
      (p) => loosely(p.bookkeeper.batchDeposit.bind(p.bookkeeper))([money], {}, { mode: 'atomic' }),
      'invalid_argument',
      '"mode" is not understood in argument 3 of batchDeposit, which takes 2',
    ],
    [
      'given as a text after the options of a batch',
      (p) => loosely(p.execute.bind(p))([], {}, 'atomic'),
      'invalid_argument',
      '"atomic" is argument 3 of execute, which takes 2',
    ],
    [
      'in an argument after the options of a batch in a transaction',
      (p) => p.transaction((tx) => Promise.resolve(loosely(tx.execute.bind(tx))([], {}, { mode: 'atomic' }))),
      'invalid_argument',
      '"mode" is not understood in argument 3 of execute',
    ],
    [
      'in an argument after the options of getUserOrders',
      (p) => loosely(p.trading.getUserOrders.bind(p.trading))('u', {}, { limit: 1 }),
      'invalid_argument',
      '"limit" is not understood in argument 3 of getUserOrders',
    ],
    [
      'in an argument after the options of streamOrders',
      (p) => loosely(p.streamOrders.bind(p))({}, { userId: 'u' }),
      'invalid_argument',
      '"userId" is not understood in argument 2 of streamOrders',
    ],
    [
      'of apiKeys.list',
      (p) => loosely(p.apiKeys.list.bind(p.apiKeys))({ all: true }),
      'invalid_argument',
      '"all" is not understood in argument 1 of list, which takes none',
    ],
    [
      'in an argument after the options of open',
      () => loosely(Pincex.open.bind(Pincex))({}, { config: null }),
      'invalid_argument',
      '"config" is not understood in argument 2 of open',
    ],
    [
      'that only the service may set, writeWith,',
      (p) => p.bookkeeper.batchDeposit([any(money)], any({ writeWith: [] })),
      'invalid_batch',
      '"writeWith" is not an option of a batch',
    ],
    [
      'that only the service may set, markets,',
      (p) => p.transaction((tx) => tx.trading.batchCancelOrders([], any({ markets: [] }))),
      'invalid_batch',
      '"markets" is not an option of a batch',
    ],
    [
      'of addCurrency',
      (p) => p.catalog.addCurrency('EURX', any({ scale: 2 })),
      'invalid_argument',
      'got a object',
    ],
    [
      'of addMarket',
      (p) => p.catalog.addMarket('BTC/EUR', any({ tick: '1' }), '1'),
      'invalid_argument',
      'got a object',
    ],
    [
      'in an argument after those of addMarket',
      (p) => loosely(p.catalog.addMarket.bind(p.catalog))('BTC/EUR', '1', '1', '0', { tick: '1' }),
      'invalid_argument',
      '"tick"',
    ],
    [
      'of open',
      () => Pincex.open(any({ config: configOf(books.url), onStatment: () => null })),
      'invalid_argument',
      'the nearest is onStatement',
    ],
    [
      'of loadConfig',
      () => loadConfig(any({ path: 'pincex.yaml' })),
      'invalid_argument',
      '"path" is not an option of loadConfig',
    ],
  ])('an unknown option %s is refused', async (_, of, code, says) => {
    const failure = expect(call(of)).rejects;
    await failure.toMatchObject({
      name: 'PincexError',
      code,
      message: expect.stringContaining(says) as string,
    });
  });

  it('a value of an option that is not understood is refused', async () => {
    const { trading, bookkeeper } = books.pincex;
    for (const [promise, says] of [
      [trading.getUserOrders('u', { fresh: any('no') }), 'fresh must be true or false: got "no"'],
      [
        trading.batchGetTradesByOrderIds(['o'], { fresh: any(1) }),
        'fresh must be true or false: got 1 (a number)',
      ],
      [trading.getUserOrders('u', { statuses: [any('opn')] }), 'got "opn"'],
      [
        trading.getUserOrders('u', { statuses: new Array<never>(1) }),
        'statuses[0] must be a text: got nothing',
      ],
      [bookkeeper.batchGetAccounts(['u'], ['USD'], { minVersions: new Array<number>(1) }), 'got nothing'],
      [
        call(() => Pincex.open({ config: configOf(books.url), strategy: any('fast') })),
        'one of auto, guard, lock',
      ],
    ] as const) {
      await expect(promise).rejects.toMatchObject({ message: expect.stringContaining(says) as string });
    }
  });

  it('a caller’s function in writeWith is refused and never called', async () => {
    let runs = 0;
    const write = () => (runs++, { name: 'mine', text: 'DELETE FROM journal', values: [] });
    const options = any({ writeWith: [write] });
    await expect(books.pincex.execute([], options)).rejects.toMatchObject({ code: 'invalid_batch' });
    expect(runs).toBe(0);
  });

  it('close accepts the arguments that a signal hands to its handler', async () => {
    const other = await Pincex.open({ config: configOf(books.url) });
    await loosely(other.close.bind(other))('SIGTERM', 15);
  });

  it.each<[string, (config: Config) => unknown, string]>([
    ['that is empty', () => ({}), 'config.dataDir: takes a text: got nothing'],
    [
      'that is a text',
      () => 'pincex.yaml',
      'config: takes an object, such as loadConfig() makes: got "pincex.yaml"',
    ],
    [
      'without its pool',
      (config) => ({ ...config, database: { ...config.database, pool: undefined } }),
      'config.database.pool: takes an object, such as loadConfig() makes: got nothing',
    ],
    [
      'with an unknown name',
      (config) => ({ ...config, database: { ...config.database, urll: 'x' } }),
      'config.database: "urll" is not a part of config.database: the nearest is url, of url, readUrl, pool, optimizedRepository',
    ],
    [
      'with a value of another kind',
      (config) => ({ ...config, service: { ...config.service, port: '80' } }),
      'config.service.port: takes a whole number from 0: got "80"',
    ],
    [
      'with a Redis without its url',
      (config) => ({ ...config, redis: { host: 'x' } }),
      'config.redis.url: takes a text, or null: got nothing',
    ],
  ])('a configuration made by hand %s is refused', async (_, made, says) => {
    const opened = call(() => Pincex.open({ config: any(made(configOf(books.url))) }));
    await expect(opened).rejects.toMatchObject({
      name: 'PincexError',
      code: 'invalid_configuration',
      message: `The configuration is not valid: ${says}`,
    });
  });

  it('options and their values may be absent, null or undefined', async () => {
    const userId = await newUser(books.pincex, { USD: '1' });
    const { bookkeeper } = books.pincex;
    for (const options of [undefined, null, {}, { minVersion: undefined }, { minVersion: null }]) {
      expect(await bookkeeper.getAccount(userId, 'USD', any(options))).toMatchObject({ available: '1' });
    }
  });
});

describe('the key of an order', () => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const calls: [string, (key: unknown) => Promise<unknown>][] = [
    ['id', (key) => books.pincex.trading.getOrder(anyway(key))],
    ['ids[0]', (key) => books.pincex.trading.batchGetOrdersByIds([anyway(key)])],
    ['orderIds[0]', (key) => books.pincex.trading.batchGetTradesByOrderIds([anyway(key)])],
  ];
  const throwing = {
    userId: 'u',
    get id(): string {
      throw new Error('not today');
    },
  };

  it.each<[string, () => unknown, string]>([
    [
      'with an unknown name',
      () => ({ user: 'u', id: 'o' }),
      '"user" is not a field of the key of an order: the nearest is userId, of userId, id',
    ],
    ['with a field too many', () => ({ userId: 'u', id: 'o', symbol: 'BTC/USD' }), '"symbol" is not a field'],
    ['whose getter throws', () => throwing, 'id cannot be read: not today'],
    ['that is a revoked Proxy', () => revoked, 'cannot be read: Cannot perform'],
    ['without an id', () => ({ userId: 'u' }), ' must be an id, or { userId, id }: got a object'],
    ['that is an array', () => ['u', 'o'], ' must be an id, or { userId, id }: got an array'],
  ])('the key of an order %s is refused', async (_, keyOf, says) => {
    for (const [name, call] of calls) {
      const error: unknown = await call(keyOf()).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'PincexError', code: 'invalid_argument' });
      expect((error as Error).message.startsWith(name)).toBe(true);
      expect((error as Error).message).toContain(says);
    }
  });

  it('the key of an order is read once', async () => {
    let reads = 0;
    const key = {
      userId: 'u',
      get id() {
        return `o${reads++}`;
      },
    };
    expect(await books.pincex.trading.getOrder(key)).toBeNull();
    expect(reads).toBe(1);
  });
});

describe('a read with an argument that is not understood', () => {
  it.each<[string, (pincex: Pincex) => Promise<unknown>, code: string, message: string]>([
    [
      'a currency in lower case',
      (p) => p.bookkeeper.getAccount('u', 'usd'),
      'unknown_currency',
      '"usd" is no currency that was added: the nearest is USD',
    ],
    [
      'several currencies, one of them unknown,',
      (p) => p.bookkeeper.batchGetAccounts(['u'], ['USD', 'XRPP']),
      'unknown_currency',
      '"XRPP"',
    ],
    [
      'the order book of an unknown market',
      (p) => p.trading.getOrderBook('NOPE/USD'),
      'unknown_market',
      '"NOPE/USD" is no market that was added: the nearest is ',
    ],
    [
      'several order books, one of an unknown market,',
      (p) => p.trading.batchGetOrderBooks(['BTC/USD', 'btc/usd']),
      'unknown_market',
      'the nearest is BTC/USD',
    ],
    [
      'the open orders of an unknown market',
      (p) => p.trading.batchGetOpenOrders(['USD/BTC']),
      'unknown_market',
      '"USD/BTC"',
    ],
    [
      "a user's orders on an unknown market",
      (p) => p.trading.getUserOrders('u', { symbol: 'NOPE/USD' }),
      'unknown_market',
      '"NOPE/USD"',
    ],
    [
      "users' orders on an unknown market",
      (p) => p.trading.batchGetUserOrders(['u'], { symbol: 'NOPE/USD' }),
      'unknown_market',
      '"NOPE/USD"',
    ],
    [
      'a currency named like a property of every object',
      (p) => p.bookkeeper.getAccount('u', '__proto__'),
      'unknown_currency',
      '"__proto__"',
    ],
    [
      'an unknown currency in a transaction',
      (p) => p.transaction((tx) => tx.bookkeeper.getAccount('u', 'usd')),
      'unknown_currency',
      'USD',
    ],
    [
      'an unknown market in a transaction',
      (p) => p.transaction((tx) => tx.trading.getOrderBook('NOPE/USD')),
      'unknown_market',
      'NOPE',
    ],
  ])('a read of %s is refused', async (_, read, code, message) => {
    await expect(read(books.pincex)).rejects.toMatchObject({
      name: 'PincexError',
      code,
      retryable: false,
      message: expect.stringContaining(message) as string,
    });
  });

  it('a read with an argument of a wrong type is refused with the name and the value of the argument', async () => {
    const { bookkeeper, trading } = books.pincex;
    for (const [promise, message] of [
      [bookkeeper.getAccount(anyway(5), 'USD'), 'userId must be a text: got 5 (a number)'],
      [bookkeeper.getAccount('u', anyway(null)), 'currency must be a text: got null'],
      [bookkeeper.batchGetAccounts(['u', anyway(5)], ['USD']), 'userIds[1] must be a text: got 5 (a number)'],
      [bookkeeper.batchGetAccounts(new Array<string>(1), ['USD']), 'userIds[0] must be a text: got nothing'],
      [bookkeeper.batchGetAccounts(anyway('u'), ['USD']), 'userIds must be an array of texts: got "u"'],
      [trading.getOrder(anyway(undefined)), 'id must be an id, or { userId, id }: got nothing'],
      [trading.getUserOrders(anyway({})), 'userId must be a text: got a object'],
      [trading.getOrderBook(anyway(7)), 'symbol must be a text: got 7 (a number)'],
    ] as const) {
      await expect(promise).rejects.toMatchObject({ code: 'invalid_argument', message });
    }
  });

  it('a read finds what another process added: the catalog is read again, at most once a second', async () => {
    const statements: string[] = [];
    const other = await Pincex.open({
      config: configOf(books.url),
      onStatement: ({ name }) => statements.push(name),
    });
    onTestFinished(() => other.close());
    const code = fresh('N').replace(/\W/g, '').slice(0, 12).toUpperCase();
    await books.pincex.catalog.addCurrency(code, 2);
    await books.pincex.catalog.addMarket(`${code}/USD`, '0.01', '0.01');
    const read = () => other.bookkeeper.getAccount('nobody', code);
    // In the first second after its start, the process refuses the new currency without looking again.
    await expect.poll(() => read().catch(() => 'refused'), { timeout: 30_000 }).toBeNull();
    expect((await other.trading.getOrderBook(`${code}/USD`)).bids).toEqual([]);
    statements.length = 0;
    const began = performance.now();
    const unknown = Array.from({ length: 50 }, (_, n) => other.bookkeeper.getAccount('nobody', `NO${n}`));
    const outcomes = await Promise.allSettled(unknown);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    const asked = statements.filter((name) => name === 'read-currencies').length;
    expect(asked).toBeLessThanOrEqual(1 + (performance.now() - began) / 1_000);
  });
});
