import fc from 'fast-check';
import type { BatchMode } from '../../src/results.ts';
import { textOf } from './decimals.ts';
import type { World } from './items.ts';
import type { Model, ModelOrder } from './model.ts';

/**
 * Random batches that often succeed: few users and round amounts, and items that refer to rows of the books,
 * so that trades meet orders and unlocks meet holds. One item in ten has exactly one fault, and some
 * come twice, or again with other content.
 */

export const world: World = {
  scales: { BTC: 8, USD: 2, ETH: 18, DAI: 18, JPY: 0 },
  markets: [
    market('BTC/USD', 8, 2, '0.01', '0.00000001', '1'),
    market('ETH/BTC', 18, 8, '0.00001', '0.0001', '0.0001'),
    market('ETH/DAI', 18, 18, '0.000000000000000001', '0.000000000000000001', '0.5'),
    market('BTC/JPY', 8, 0, '0.5', '0.001', '0'),
  ],
};

function market(
  symbol: string,
  baseScale: number,
  quoteScale: number,
  tick: string,
  lot: string,
  minNotional: string,
) {
  const [base = '', quote = ''] = symbol.split('/');
  return { symbol, base, quote, baseScale, quoteScale, tick, lot, minNotional };
}

export interface Batch {
  readonly mode: BatchMode;
  readonly items: readonly unknown[];
}

/** The value that fast-check generates and shrinks: each seed becomes an item once the books before it are known. */
export interface Plan {
  readonly mode: BatchMode;
  readonly seeds: readonly number[];
}

export const plans: fc.Arbitrary<Plan[]> = fc.array(
  fc.record({
    mode: fc.constantFrom<BatchMode>('partial', 'partial', 'partial', 'partial', 'stop_on_error', 'atomic'),
    seeds: fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 14, size: 'max' }),
  }),
  { minLength: 1, maxLength: 10, size: 'max' },
);

/** The first batch, which deposits money. */
export const money: Batch = {
  mode: 'partial',
  items: ['ann', 'bob', 'cai'].flatMap((userId) =>
    Object.keys(world.scales)
      .filter((code) => userId !== 'cai' || code !== 'JPY')
      .map((currency) => ({
        command: 'deposit',
        id: `first-${currency}`,
        userId,
        currency,
        amount: '150',
      })),
  ),
};

/** Makes batches of plans, one after the other, over the books of a model that runs them. */
export class Sender {
  readonly #model: Model;
  readonly #sent: unknown[] = [];

  constructor(model: Model) {
    this.#model = model;
  }

  batchOf({ mode, seeds }: Plan): Batch {
    // A long atomic batch seldom succeeds, and one that fails tests nothing else.
    const items = (mode === 'atomic' ? seeds.slice(0, 6) : seeds).map((seed) => this.#item(new Dice(seed)));
    return { mode, items };
  }

  #item(dice: Dice): unknown {
    if (dice.oneIn(8) && this.#sent.length > 0) {
      const trades = dice.oneIn(3) ? this.#sent.filter((sent) => this.#isSettled(sent)) : [];
      const before = dice.of(trades.length > 0 ? trades : this.#sent);
      return dice.oneIn(4) ? changed(before) : before;
    }
    if (dice.oneIn(40)) return dice.pick<unknown>(null, undefined, 1, 'text', [], true);
    const item = new Maker(dice, this.#model).item();
    const made = dice.oneIn(12) ? spoiled(item, dice) : item;
    this.#sent.push(made);
    return made;
  }

  /** Trades seldom succeed, so those that did are sent again more often than the rest. */
  #isSettled(sent: unknown): boolean {
    if (typeof sent !== 'object' || sent === null || !('buyUserId' in sent) || !('id' in sent)) return false;
    return this.#model.books.operations.has(`${String(sent.buyUserId)} | trade | ${String(sent.id)}`);
  }
}

/** A random generator that is the same for the same seed: mulberry32. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<Value>(...values: readonly Value[]): Value {
    return this.of(values);
  }

  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }
}

type Item = Record<string, unknown>;

class Maker {
  readonly #dice: Dice;
  readonly #model: Model;

  constructor(dice: Dice, model: Model) {
    this.#dice = dice;
    this.#model = model;
  }

  item(): Item {
    const dice = this.#dice;
    switch (dice.pick(...WEIGHTED)) {
      case 'createAccount': {
        const userId = dice.pick('ann', 'cai', 'dee', 'dee', 'eve', '@fees');
        return { command: 'createAccount', ...this.#owned(), userId, currency: this.#funds()['currency'] };
      }
      case 'deposit':
        return {
          command: 'deposit',
          ...this.#owned(),
          ...this.#funds(),
          reference: dice.pick(null, 'wire "1"'),
        };
      case 'withdraw':
        return { command: 'withdraw', ...this.#owned(), ...this.#funds() };
      case 'transfer': {
        const toUserId = dice.pick('cai', 'dee', '@fees');
        return {
          command: 'transfer',
          ...this.#owned(),
          ...this.#funds(),
          userId: dice.pick('ann', 'bob'),
          toUserId,
        };
      }
      case 'lockFunds': {
        const orderId = dice.oneIn(4) ? (this.#someOrder()?.[1] ?? 'h1') : dice.pick('h1', 'h2', 'h3');
        const expiresAt = dice.pick(undefined, null, '2030-01-01T00:00:00Z');
        return { command: 'lockFunds', ...this.#owned(), ...this.#funds(), orderId, expiresAt };
      }
      case 'unlockFunds':
        return {
          command: 'unlockFunds',
          ...this.#owned(),
          ...this.#funds(),
          orderId: 'h1',
          ...this.#someHold(),
        };
      case 'createOrder':
        return { command: 'createOrder', ...this.#order('c'), ...this.#group() };
      case 'placeOrder': {
        const recordRejection = dice.pick(undefined, false, true);
        return { command: 'placeOrder', ...this.#order('p'), ...this.#group(), recordRejection };
      }
      case 'cancelOrder':
        return { command: 'cancelOrder', ...this.#owned(), ...this.#namedOrder() };
      case 'updateOrderStatus':
        return this.#update();
      case 'settleTrade':
        return this.#trade();
    }
  }

  #group(): Item {
    return {
      group: this.#dice.pick(undefined, undefined, undefined, null, undefined, undefined, 'g1', 'g2'),
    };
  }

  #owned(): Item {
    const userId = this.#dice.pick('ann', 'bob', 'ann', 'bob', 'ann', 'bob', 'cai', '@fees');
    return { id: `op-${this.#dice.below(5_000)}`, userId, ...this.#group() };
  }

  #funds(): Item {
    const currency = this.#dice.pick('USD', 'USD', 'USD', 'BTC', 'BTC', 'ETH', 'DAI', 'JPY');
    return { currency, amount: this.#amount(world.scales[currency]!) };
  }

  /** A round amount, or one with all decimals of the scale. */
  #amount(scale: number): string {
    const round = this.#dice.pick('1', '2', '5', '10', '100', '1000');
    if (scale === 0 || this.#dice.oneIn(2)) return round;
    return this.#dice.pick('0.5', '1.5', `0.${'1'.padStart(scale, '0')}`, `2.${'7'.padStart(scale, '3')}`);
  }

  /** User and id of a random order of the books that passes. */
  #someOrder(passes: (order: ModelOrder) => boolean = () => true): readonly [string, string] | undefined {
    const found = [...this.#model.books.orders].filter(([, order]) => passes(order));
    if (found.length === 0) return undefined;
    const [userId = '', id = ''] = this.#dice.of(found)[0].split(' | ');
    return [userId, id];
  }

  #namedOrder(): Item {
    const isAny = this.#dice.oneIn(4);
    const order = this.#someOrder(({ status }) => isAny || LIVE.includes(status));
    const [userId, orderId] = order ?? ['ann', 'none'];
    return { userId, orderId };
  }

  /** The fields that name a random hold of the books, often with its whole amount. */
  #someHold(): Item {
    const holds = [...this.#model.books.holds];
    if (holds.length === 0) return {};
    const free = holds.filter(([, { placed }]) => !placed);
    const [key, { amount }] = this.#dice.of(free.length > 0 && !this.#dice.oneIn(4) ? free : holds);
    const [userId, orderId, currency] = key.split(' | ');
    return { userId, orderId, currency, amount: this.#dice.pick('1', textOf(amount), textOf(amount)) };
  }

  #order(names: 'c' | 'p'): Item {
    const dice = this.#dice;
    const side = dice.pick('buy', 'sell');
    const { symbol, quoteScale } = dice.pick(world.markets[0]!, ...world.markets);
    const type = dice.pick(
      'limit',
      'limit',
      'limit',
      'limit',
      'market',
      'stop',
      'stop_limit',
      'trailing_stop',
    );
    const rejected = dice.oneIn(3) ? this.#someOrder(({ status }) => status === 'rejected') : undefined;
    const id = rejected?.[1] ?? `${names}${dice.below(60)}`;
    const price = dice.of(PRICES[symbol]![side]);
    const hasPrice = type === 'limit' || type === 'stop_limit';
    return {
      id,
      userId: rejected?.[0] ?? dice.pick('ann', 'bob', 'ann', 'bob', 'cai'),
      symbol,
      side,
      type,
      quantity: dice.of(QUANTITIES[symbol]!.order),
      ...(hasPrice && { price }),
      ...((type === 'stop' || type === 'stop_limit') && { stopPrice: price }),
      ...(type === 'trailing_stop' && { trailingPercent: dice.pick('1.5', '99.9999') }),
      ...(side === 'buy' && !hasPrice && { holdAmount: this.#amount(quoteScale) }),
      ...(hasPrice && { ocoGroupId: dice.pick(null, 'oco-1'), parentOrderId: dice.pick(undefined, 'p1') }),
      ...dice.pick<Item>(
        {},
        {},
        { timeInForce: 'ioc' },
        { timeInForce: 'day', expiresAt: null },
        { timeInForce: 'gtd', expiresAt: '2031-06-30T12:30:00Z' },
      ),
    };
  }

  #update(): Item {
    const dice = this.#dice;
    const isAny = dice.oneIn(8);
    const own = this.#someOrder(({ placed, status }) => isAny || (!placed && LIVE.includes(status)));
    if (own === undefined && !dice.oneIn(8)) return { command: 'createOrder', ...this.#order('c') };
    const status = dice.pick(
      'open',
      'partially_filled',
      'filled',
      'filled',
      'cancelled',
      'expired',
      'rejected',
      'pending',
    );
    const isPartial = status === 'partially_filled';
    const isFill = isPartial || status === 'filled';
    return {
      command: 'updateOrderStatus',
      ...this.#owned(),
      ...(own && { userId: own[0] }),
      orderId: own?.[1] ?? 'none',
      status,
      filledQuantity: isPartial
        ? dice.pick('0.001', '0.25', '0.5', '1', '0.000000001')
        : dice.pick(undefined, null, undefined, '1'),
      averagePrice: isFill
        ? dice.pick(undefined, '100', '0.000000000000000001')
        : dice.pick(undefined, null, '99.5'),
    };
  }

  #trade(): Item {
    const dice = this.#dice;
    const { symbol, baseScale, quoteScale } = dice.pick(world.markets[0]!, ...world.markets);
    const isAny = dice.oneIn(8);
    const orderOf = (side: string) =>
      this.#someOrder(
        ({ asked, status }) =>
          isAny || (asked.side === side && asked.market.symbol === symbol && TRADABLE.includes(status)),
      );
    const [buy, sell] = [orderOf('buy'), orderOf('sell')];
    if ((buy === undefined || sell === undefined) && !dice.oneIn(8)) {
      return { command: 'placeOrder', ...this.#order('p') };
    }
    const [buyUserId, buyOrderId] = buy ?? ['ann', 'none'];
    const [sellUserId, sellOrderId] = sell ?? ['bob', 'none'];
    const left = (owner: string, id: string): string[] => {
      const order = this.#model.books.orders.get(`${owner} | ${id}`);
      return order === undefined || order.filled === order.asked.quantity
        ? []
        : [textOf(order.asked.quantity - order.filled)];
    };
    const limit = this.#model.books.orders.get(`${sellUserId} | ${sellOrderId}`)?.asked.price ?? null;
    const fitting = limit === null ? [] : [textOf(limit), textOf(limit)];
    const last = (scale: number) => (scale === 0 ? '1' : `0.${'1'.padStart(scale, '0')}`);
    const { id, group } = this.#owned();
    return {
      command: 'settleTrade',
      id,
      group,
      symbol,
      price: dice.of([...PRICES[symbol]!.trade, ...fitting]),
      quantity: dice.of([
        ...QUANTITIES[symbol]!.trade,
        ...left(buyUserId, buyOrderId),
        ...left(sellUserId, sellOrderId),
      ]),
      buyUserId,
      buyOrderId,
      sellUserId,
      sellOrderId,
      takerSide: dice.pick('buy', 'sell'),
      buyFee: dice.pick(undefined, null, '0', last(baseScale), '0.1'),
      sellFee: dice.pick(undefined, null, '0', last(quoteScale)),
    };
  }
}

const LIVE = ['pending', 'open', 'partially_filled'];
const TRADABLE = ['open', 'partially_filled'];

const WEIGHTED = Object.entries({
  createAccount: 3,
  deposit: 5,
  withdraw: 2,
  transfer: 2,
  lockFunds: 5,
  unlockFunds: 4,
  createOrder: 5,
  placeOrder: 14,
  cancelOrder: 3,
  updateOrderStatus: 6,
  settleTrade: 14,
} as const).flatMap(([command, weight]) =>
  Array.from(
    { length: weight },
    () =>
      command as
        | 'createAccount'
        | 'deposit'
        | 'withdraw'
        | 'transfer'
        | 'lockFunds'
        | 'unlockFunds'
        | 'createOrder'
        | 'placeOrder'
        | 'cancelOrder'
        | 'updateOrderStatus'
        | 'settleTrade',
  ),
);

/** Prices of buys, of sells and of trades: most orders could trade, some could not. */
const PRICES: Readonly<Record<string, Readonly<Record<'buy' | 'sell' | 'trade', readonly string[]>>>> = {
  'BTC/USD': {
    buy: ['20', '20.01', '33.33', '9.99'],
    sell: ['19.99', '10', '33.33'],
    trade: ['20', '19.99', '12.34'],
  },
  'ETH/BTC': { buy: ['0.05', '0.33333'], sell: ['0.05', '0.04999'], trade: ['0.05', '0.04999'] },
  'ETH/DAI': {
    buy: ['3', '2.999999999999999999'],
    sell: ['2.999999999999999999', '0.333333333333333333'],
    trade: ['2.999999999999999999', '3'],
  },
  'BTC/JPY': { buy: ['50', '50.5'], sell: ['49.5', '0.5'], trade: ['50', '49.5'] },
};
const QUANTITIES: Readonly<Record<string, Readonly<Record<'order' | 'trade', readonly string[]>>>> = {
  'BTC/USD': { order: ['1', '2', '1.33333333', '0.05'], trade: ['1', '0.5', '0.33333333', '0.00000001'] },
  'ETH/BTC': { order: ['1', '2', '0.0003'], trade: ['1', '0.5', '0.0001'] },
  'ETH/DAI': { order: ['1', '2', '0.500000000000000007'], trade: ['0.5', '1', '0.000000000000000007'] },
  'BTC/JPY': { order: ['1', '2', '0.007'], trade: ['0.5', '0.007', '0.001'] },
};

/** The same item with other content. */
function changed(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || !('command' in item)) return item;
  return { ...item, ...('amount' in item && { amount: '7' }), ...('price' in item && { price: '2' }) };
}

/** The same item with one invalid field. */
function spoiled(item: Item, dice: Dice): Item {
  const field = dice.of(Object.keys(item).filter((name) => Object.hasOwn(BAD, name)));
  return { ...item, [field]: dice.of(BAD[field]!) };
}

/** Values that are invalid in these fields of any item. */
const BAD: Readonly<Record<string, readonly unknown[]>> = {
  id: [undefined, null, '', 7, '@mine', 'a\0b', 'x'.repeat(129), '\ud800', {}],
  userId: [undefined, '', 5, '@outside', 'x'.repeat(300)],
  group: ['', 1, '@g', 'a\0b'],
  orderId: [undefined, '', '@o', '\udfff'],
  toUserId: [undefined, '', '@outside'],
  currency: [undefined, 'btc', 'XXX', '', 3, '__proto__', 'constructor'],
  symbol: [undefined, 'BTC-USD', 'USD/BTC', '', 1, 'toString'],
  amount: [
    undefined,
    1,
    NaN,
    '0',
    '-1',
    '1e3',
    '01',
    '.5',
    '1.',
    ' 1',
    '１',
    `1.${'0'.repeat(19)}`,
    '1'.repeat(31),
  ],
  price: [0.1, '0', '-1', `0.${'0'.repeat(18)}1`, 'abc'],
  quantity: [undefined, 1, '0', '-1', `0.${'0'.repeat(18)}1`, ''],
  side: [undefined, 'BUY', ''],
  type: [undefined, 'LIMIT', 'deposit'],
  stopPrice: ['0', 1],
  timeInForce: ['GTC', ''],
  expiresAt: ['tomorrow', '2030-01-01', 1_900_000_000_000, '2030-13-01T00:00:00Z'],
  holdAmount: ['0', 5],
  ocoGroupId: ['', '@oco'],
  status: [undefined, 'done'],
  filledQuantity: ['0', 1],
  averagePrice: ['0', 1],
  buyOrderId: [undefined, ''],
  sellUserId: [undefined, '@outside'],
  takerSide: [undefined, 'both'],
  buyFee: ['-1', 0.1],
  sellFee: [`0.${'0'.repeat(18)}1`],
  reference: ['', '@ref'],
};
