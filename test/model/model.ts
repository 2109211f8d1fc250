import type { BatchMode, ItemErrorCode } from '../../src/results.ts';
import { table, type ShownBooks } from './compare.ts';
import { multiply, roundDown, roundUp, textOf } from './decimals.ts';
import { readItem, type Asked, type AskedOrder, type ModelMarket, type World } from './items.ts';

/**
 * The promises of Pincex, done the naive way: one item after the other on plain maps, with a copy of everything
 * before each group. The model shares no code with the engine. It has no precedence: for an item that several
 * rules refuse it names every code, and the engine has to answer with one of them.
 */

export interface ModelAccount {
  available: bigint;
  locked: bigint;
  version: number;
}

export interface ModelHold {
  amount: bigint;
  placed: boolean;
  expiresAt: string | null;
}

export interface ModelOrder {
  asked: AskedOrder;
  status: string;
  filled: bigint;
  value: bigint;
  placed: boolean;
  rejectCode: string | null;
  version: number;
}

interface ModelOperation {
  type: string;
  content: string;
  data: unknown;
}

export type ModelResult =
  | { status: 'applied' | 'replayed'; data: unknown }
  | { status: 'rejected'; codes: readonly ItemErrorCode[] }
  | { status: 'skipped' };

interface Books {
  /** By user and currency. */
  accounts: Map<string, ModelAccount>;
  /** By user, order and currency. */
  holds: Map<string, ModelHold>;
  /** By user and order. */
  orders: Map<string, ModelOrder>;
  /** By user, kind and id. */
  operations: Map<string, ModelOperation>;
}

const OUTSIDE = '@outside';
const FEES = '@fees';
const ENDED = ['filled', 'cancelled', 'expired', 'rejected'];

/** Thrown by a rule of the model, with every code that would be right. */
class Refused extends Error {
  readonly codes: readonly ItemErrorCode[];
  constructor(codes: readonly ItemErrorCode[]) {
    super(codes.join());
    this.codes = codes;
  }
}

function refuse(...codes: readonly (ItemErrorCode | false)[]): void {
  const found = codes.filter((code) => code !== false);
  if (found.length > 0) throw new Refused(found);
}

const key = (...ids: string[]): string => ids.join(' | ');

export class Model {
  books: Books = { accounts: new Map(), holds: new Map(), orders: new Map(), operations: new Map() };
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  run(rawItems: readonly unknown[], mode: BatchMode): ModelResult[] {
    const items = rawItems.map((raw) => readItem(raw, this.#world));
    const results: ModelResult[] = [];
    for (const [index, item] of items.entries()) {
      if (results[index] !== undefined) continue;
      const together = items.flatMap((other, place) =>
        mode === 'atomic' || place === index || (item.group !== null && other.group === item.group)
          ? [place]
          : [],
      );
      const isStopped = mode === 'stop_on_error' && results.some((result) => result.status === 'rejected');
      const outcome = isStopped
        ? together.map((): ModelResult => ({ status: 'skipped' }))
        : this.#together(together.map((place) => items[place]!));
      for (const [i, place] of together.entries()) results[place] = outcome[i]!;
    }
    return results;
  }

  /** The books in the form in which they are compared. */
  shown(): ShownBooks {
    const { accounts, holds, orders, operations } = this.books;
    return {
      accounts: table(accounts, ({ available, locked, version }) => [
        textOf(available),
        textOf(locked),
        version,
      ]),
      holds: table(holds, ({ amount, placed, expiresAt }) => [textOf(amount), placed, expiresAt]),
      orders: table(orders, ({ status, filled, value, placed, version }) => [
        status,
        textOf(filled),
        textOf(value),
        placed,
        version,
      ]),
      operations: table(operations, ({ type }) => [type]),
    };
  }

  /** Applies all the items or none of them. */
  #together(items: readonly ReturnType<typeof readItem>[]): ModelResult[] {
    const before = items.length > 1 ? structuredClone(this.books) : this.books;
    const results: ModelResult[] = [];
    for (const item of items) {
      const result = this.#one(item.read);
      results.push(result);
      if (result.status !== 'rejected' || items.length === 1) continue;
      this.books = before;
      return items.map(({ read }, i) => {
        if (i === results.length - 1) return result;
        const replay = typeof read === 'string' ? undefined : this.#replay(read);
        return replay?.status === 'replayed' ? replay : { status: 'rejected', codes: ['group_failed'] };
      });
    }
    return results;
  }

  #one(asked: Asked | ItemErrorCode): ModelResult {
    if (typeof asked === 'string') return { status: 'rejected', codes: [asked] };
    const replay = this.#replay(asked);
    if (replay !== undefined) return replay;
    try {
      const data = this.#apply(asked);
      for (const operation of claimsOf(asked)) {
        this.books.operations.set(operation, { type: asked.type, content: asked.content, data });
      }
      return { status: 'applied', data };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { status: 'rejected', codes: error.codes };
    }
  }

  /** The result of an id that was used before. */
  #replay(asked: Asked): ModelResult | undefined {
    const found = claimsOf(asked).flatMap((operation) => this.books.operations.get(operation) ?? []);
    if (found.length === 0) return undefined;
    if (found.some(({ content }) => content !== asked.content)) {
      return { status: 'rejected', codes: ['id_reused'] };
    }
    return { status: 'replayed', data: found[0]?.data };
  }

  #apply(asked: Asked): unknown {
    switch (asked.type) {
      case 'createAccount': {
        const place = key(asked.userId, asked.currency);
        refuse(this.books.accounts.has(place) && 'account_exists');
        this.books.accounts.set(place, { available: 0n, locked: 0n, version: 0 });
        return { available: '0', locked: '0', version: 0 };
      }
      case 'deposit':
        this.#move(OUTSIDE, asked.currency, -asked.amount, 0n);
        return this.#move(asked.userId, asked.currency, asked.amount, 0n);
      case 'withdraw': {
        this.#requireFunds(asked.userId, asked.currency, asked.amount);
        this.#move(OUTSIDE, asked.currency, asked.amount, 0n);
        return this.#move(asked.userId, asked.currency, -asked.amount, 0n);
      }
      case 'transfer': {
        this.#requireFunds(asked.userId, asked.currency, asked.amount);
        this.#move(asked.toUserId, asked.currency, asked.amount, 0n);
        return this.#move(asked.userId, asked.currency, -asked.amount, 0n);
      }
      case 'lockFunds': {
        const { userId, orderId, currency, amount, expiresAt } = asked;
        const hold = this.books.holds.get(key(userId, orderId, currency));
        this.#requireFunds(userId, currency, amount, hold?.placed === true && 'hold_in_use');
        return this.#lock(userId, orderId, currency, amount, false, expiresAt);
      }
      case 'unlockFunds': {
        const { userId, orderId, currency, amount } = asked;
        const hold = this.books.holds.get(key(userId, orderId, currency));
        if (hold === undefined) throw new Refused(['hold_not_found']);
        refuse(hold.placed && 'hold_in_use', hold.amount < amount && 'hold_exceeded');
        return this.#release(userId, orderId, currency, amount);
      }
      case 'createOrder':
        refuse(this.books.orders.has(key(asked.userId, asked.id)) && 'order_exists');
        return this.#add(asked.order, asked.userId, asked.id, false);
      case 'placeOrder':
        return this.#place(asked);
      case 'cancelOrder':
        return this.#cancel(asked.userId, asked.orderId);
      case 'updateOrderStatus':
        return this.#update(asked);
      case 'settleTrade':
        return this.#settle(asked);
    }
  }

  #place({ userId, id, order, recordRejection }: Extract<Asked, { type: 'placeOrder' }>): unknown {
    const there = this.books.orders.get(key(userId, id));
    const { currency, amount } = this.#needed(order, 0n, 0n);
    const used = this.books.holds.has(key(userId, id, currency));
    try {
      this.#requireFunds(
        userId,
        currency,
        amount,
        there !== undefined && (there.status === 'rejected' ? 'already_rejected' : 'order_exists'),
        used && 'hold_in_use',
      );
    } catch (error) {
      if (there === undefined && !used && recordRejection && error instanceof Refused) {
        this.#add(order, userId, id, false, { status: 'rejected', rejectCode: error.codes[0] ?? null });
      }
      throw error;
    }
    const funds = this.#lock(userId, id, currency, amount, true, order.expiresAt);
    return { ...this.#add(order, userId, id, true), funds };
  }

  #cancel(userId: string, orderId: string): unknown {
    const order = this.#order(userId, orderId);
    refuse(ENDED.includes(order.status) && 'invalid_transition');
    order.status = 'cancelled';
    order.version++;
    const { currency } = this.#needed(order.asked, 0n, 0n);
    const held = this.books.holds.get(key(userId, orderId, currency))?.amount;
    const funds = held === undefined ? null : this.#release(userId, orderId, currency, held);
    return {
      orderId,
      status: 'cancelled',
      version: order.version,
      released: held === undefined ? '0' : textOf(held),
      funds,
    };
  }

  #update(asked: Extract<Asked, { type: 'updateOrderStatus' }>): unknown {
    const { status, filledQuantity, averagePrice } = asked;
    const order = this.#order(asked.userId, asked.orderId);
    const { quantity, price, market } = order.asked;
    const follows =
      order.status === 'pending'
        ? ['open', 'cancelled', 'expired', 'rejected']
        : order.status === 'open'
          ? ['partially_filled', 'filled', 'cancelled', 'expired', 'rejected']
          : order.status === 'partially_filled'
            ? ['partially_filled', 'filled', 'cancelled', 'expired']
            : [];
    const filled = filledQuantity ?? (status === 'filled' ? quantity : order.filled);
    const fits =
      status === 'filled'
        ? filled === quantity
        : status === 'partially_filled'
          ? filledQuantity !== null && filled > order.filled && filled < quantity
          : status === 'cancelled' || status === 'expired'
            ? filled >= order.filled && filled < quantity
            : filled === order.filled;
    const isTooFine = roundDown(filled, market.baseScale) !== filled;
    const lacksPrice = averagePrice === null && filled !== order.filled && price === null;
    refuse(
      !follows.includes(status) && 'invalid_transition',
      order.placed && (status !== 'open' || filledQuantity !== null) && 'order_placed',
      (!fits || isTooFine) && 'invalid_quantity',
      (lacksPrice || (averagePrice !== null && filled === 0n)) && 'invalid_price',
    );
    if (averagePrice !== null) order.value = multiply(averagePrice, filled);
    else if (filled !== order.filled) order.value += multiply(price ?? 0n, filled - order.filled);
    order.filled = filled;
    order.status = status;
    order.version++;
    return { orderId: asked.orderId, status, version: order.version };
  }

  #settle(asked: Extract<Asked, { type: 'settleTrade' }>): unknown {
    const { buyUserId, buyOrderId, sellUserId, sellOrderId, price, quantity, market } = asked;
    const { base, quote } = market;
    const buy = this.books.orders.get(key(buyUserId, buyOrderId));
    const sell = this.books.orders.get(key(sellUserId, sellOrderId));
    const paid = this.#payment(buy?.value ?? 0n, multiply(price, quantity), market);
    const buyHold = this.books.holds.get(key(buyUserId, buyOrderId, quote))?.amount;
    const sellHold = this.books.holds.get(key(sellUserId, sellOrderId, base))?.amount;
    const wrong = (order: ModelOrder | undefined, side: string) =>
      order === undefined
        ? (['order_not_found'] as const)
        : ([
            (order.asked.side !== side || order.asked.market.symbol !== market.symbol) && 'trade_mismatch',
            order.status !== 'open' && order.status !== 'partially_filled' && 'invalid_transition',
            order.asked.price !== null &&
              (side === 'buy' ? price > order.asked.price : price < order.asked.price) &&
              'trade_mismatch',
            quantity > order.asked.quantity - order.filled && 'trade_mismatch',
          ] as const);
    refuse(
      ...wrong(buy, 'buy'),
      ...wrong(sell, 'sell'),
      (asked.buyFee > quantity || asked.sellFee > paid) && 'invalid_amount',
      ((buyHold === undefined && paid > 0n) || sellHold === undefined) && 'hold_not_found',
      ((buyHold ?? 0n) < paid || (sellHold ?? 0n) < quantity) && 'hold_exceeded',
    );
    const bought = this.#fill(buy!, price, quantity);
    const sold = this.#fill(sell!, price, quantity);
    this.#capture(buyUserId, buyOrderId, quote, paid, buy!);
    this.#capture(sellUserId, sellOrderId, base, quantity, sell!);
    if (quantity > asked.buyFee) this.#move(buyUserId, base, quantity - asked.buyFee, 0n);
    if (paid > asked.sellFee) this.#move(sellUserId, quote, paid - asked.sellFee, 0n);
    if (asked.buyFee > 0n) this.#move(FEES, base, asked.buyFee, 0n);
    if (asked.sellFee > 0n) this.#move(FEES, quote, asked.sellFee, 0n);
    return {
      tradeId: asked.id,
      quoteAmount: textOf(paid),
      buy: { orderId: buyOrderId, ...bought },
      sell: { orderId: sellOrderId, ...sold },
    };
  }

  #fill(order: ModelOrder, price: bigint, quantity: bigint): { status: string; version: number } {
    order.filled += quantity;
    order.value += multiply(price, quantity);
    order.status = order.filled === order.asked.quantity ? 'filled' : 'partially_filled';
    order.version++;
    return { status: order.status, version: order.version };
  }

  /** Takes the traded amount from the hold, and releases what the order no longer needs. */
  #capture(userId: string, orderId: string, currency: string, spent: bigint, order: ModelOrder): void {
    const place = key(userId, orderId, currency);
    const hold = this.books.holds.get(place);
    if (hold === undefined) return;
    const left = hold.amount - spent;
    const isFree = order.asked.side === 'buy' && order.asked.price === null;
    const needed =
      order.status === 'filled'
        ? 0n
        : isFree
          ? left
          : this.#needed(order.asked, order.filled, order.value).amount;
    const freed = left > needed ? left - needed : 0n;
    hold.amount = left - freed;
    if (hold.amount === 0n) this.books.holds.delete(place);
    if (spent > 0n || freed > 0n) this.#move(userId, currency, freed, -spent - freed);
  }

  /** The payment of a buy for `more` value after `before`: the sum of both is rounded up, not each part. */
  #payment(before: bigint, more: bigint, { quoteScale }: ModelMarket): bigint {
    return roundUp(before + more, quoteScale) - roundUp(before, quoteScale);
  }

  /** The hold that an order needs once `filled` of it is filled at a total of `value`. */
  #needed(order: AskedOrder, filled: bigint, value: bigint): { currency: string; amount: bigint } {
    const { market, side, price, quantity, holdAmount } = order;
    if (side === 'sell') return { currency: market.base, amount: quantity - filled };
    if (price === null) return { currency: market.quote, amount: holdAmount ?? 0n };
    const rest = multiply(price, quantity - filled);
    return { currency: market.quote, amount: this.#payment(value, rest, market) };
  }

  #add(
    order: AskedOrder,
    userId: string,
    id: string,
    placed: boolean,
    rejected: { status: string; rejectCode: string | null } | null = null,
  ): { orderId: string; status: string; version: number } {
    const waits = ['stop', 'stop_limit', 'trailing_stop'].includes(order.type);
    const status = rejected?.status ?? (waits ? 'pending' : 'open');
    const rejectCode = rejected?.rejectCode ?? null;
    const version = 1;
    const row = { asked: order, status, filled: 0n, value: 0n, placed, rejectCode, version };
    this.books.orders.set(key(userId, id), row);
    return { orderId: id, status, version };
  }

  #lock(
    userId: string,
    orderId: string,
    currency: string,
    amount: bigint,
    placed: boolean,
    expiresAt: string | null,
  ): unknown {
    const before = this.books.holds.get(key(userId, orderId, currency))?.amount ?? 0n;
    this.books.holds.set(key(userId, orderId, currency), { amount: before + amount, placed, expiresAt });
    return this.#move(userId, currency, -amount, amount);
  }

  #release(userId: string, orderId: string, currency: string, amount: bigint): unknown {
    const place = key(userId, orderId, currency);
    const hold = this.books.holds.get(place)!;
    hold.amount -= amount;
    if (hold.amount === 0n) this.books.holds.delete(place);
    return this.#move(userId, currency, amount, -amount);
  }

  #move(userId: string, currency: string, available: bigint, locked: bigint): unknown {
    const account = this.books.accounts.get(key(userId, currency)) ?? {
      available: 0n,
      locked: 0n,
      version: 0,
    };
    account.available += available;
    account.locked += locked;
    account.version++;
    this.books.accounts.set(key(userId, currency), account);
    return {
      available: textOf(account.available),
      locked: textOf(account.locked),
      version: account.version,
    };
  }

  #order(userId: string, orderId: string): ModelOrder {
    const order = this.books.orders.get(key(userId, orderId));
    if (order === undefined) throw new Refused(['order_not_found']);
    return order;
  }

  #requireFunds(
    userId: string,
    currency: string,
    amount: bigint,
    ...others: (ItemErrorCode | false)[]
  ): void {
    const account = this.books.accounts.get(key(userId, currency));
    refuse(
      account === undefined && 'account_not_found',
      account !== undefined && account.available < amount && 'insufficient_funds',
      ...others,
    );
  }
}

/** The operations that an item claims: an id is unique per user and kind, and a trade claims its id for buyer and seller. */
function claimsOf(asked: Asked): string[] {
  const named = NAMED[asked.type];
  const own = key(asked.userId, named, asked.id);
  return asked.type === 'settleTrade' ? [own, key(asked.sellUserId, named, asked.id)] : [own];
}

const NAMED: Readonly<Record<Asked['type'], string>> = {
  createAccount: 'funds',
  lockFunds: 'funds',
  unlockFunds: 'funds',
  deposit: 'transaction',
  withdraw: 'transaction',
  transfer: 'transaction',
  createOrder: 'order',
  placeOrder: 'order',
  cancelOrder: 'order_change',
  updateOrderStatus: 'order_change',
  settleTrade: 'trade',
};
