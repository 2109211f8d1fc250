import type { CommandType } from '../../src/commands/index.ts';
import type { ItemErrorCode } from '../../src/results.ts';
import { decimalsOf, multiply, numberOf } from './decimals.ts';

/**
 * How the model reads an item. It names the first fault that it finds; the generator never puts more than one fault
 * into an item, so that the order of the checks does not matter.
 */

export interface ModelMarket {
  symbol: string;
  base: string;
  quote: string;
  baseScale: number;
  quoteScale: number;
  /** Decimal strings. */
  tick: string;
  lot: string;
  minNotional: string;
}

export interface World {
  /** The decimals of each currency code. */
  scales: Readonly<Record<string, number>>;
  markets: readonly ModelMarket[];
}

export interface AskedOrder {
  market: ModelMarket;
  side: string;
  type: string;
  quantity: bigint;
  price: bigint | null;
  holdAmount: bigint | null;
  expiresAt: string | null;
}

interface Base<Type extends CommandType> {
  type: Type;
  id: string;
  userId: string;
  content: string;
}
export type Asked =
  | (Base<'createAccount'> & { currency: string })
  | (Base<'deposit' | 'withdraw'> & { currency: string; amount: bigint })
  | (Base<'transfer'> & { currency: string; amount: bigint; toUserId: string })
  | (Base<'lockFunds'> & { currency: string; amount: bigint; orderId: string; expiresAt: string | null })
  | (Base<'unlockFunds'> & { currency: string; amount: bigint; orderId: string })
  | (Base<'createOrder'> & { order: AskedOrder })
  | (Base<'placeOrder'> & { order: AskedOrder; recordRejection: boolean })
  | (Base<'cancelOrder'> & { orderId: string })
  | (Base<'updateOrderStatus'> & {
      orderId: string;
      status: string;
      filledQuantity: bigint | null;
      averagePrice: bigint | null;
    })
  | (Base<'settleTrade'> & {
      market: ModelMarket;
      price: bigint;
      quantity: bigint;
      buyUserId: string;
      buyOrderId: string;
      sellUserId: string;
      sellOrderId: string;
      buyFee: bigint;
      sellFee: bigint;
    });

class Wrong extends Error {
  readonly code: ItemErrorCode;
  constructor(code: ItemErrorCode) {
    super(code);
    this.code = code;
  }
}

export function readItem(raw: unknown, world: World): { group: string | null; read: Asked | ItemErrorCode } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    return { group: null, read: 'invalid_item' };
  const item = raw as Record<string, unknown>;
  try {
    const group = item['group'] === undefined || item['group'] === null ? null : id(item['group']);
    try {
      return { group, read: read(item, world) };
    } catch (error) {
      if (error instanceof Wrong) return { group, read: error.code };
      throw error;
    }
  } catch (error) {
    if (error instanceof Wrong) return { group: null, read: error.code };
    throw error;
  }
}

function read(item: Record<string, unknown>, world: World): Asked {
  const type = item['command'] as CommandType;
  if (type === 'transfer' && user(item['userId']) === user(item['toUserId'])) throw new Wrong('invalid_item');
  const own = id(item['id']);
  const content: unknown[] = [type];
  const keep = <Value>(value: Value): Value => {
    content.push(typeof value === 'bigint' ? String(value) : value);
    return value;
  };
  const finish = (userId: string, rest: object) =>
    ({ type, id: own, userId, content: JSON.stringify(content), ...rest }) as unknown as Asked;
  const currencyAndAmount = () => {
    const currency = keep(currencyOf(item['currency'], world));
    return { currency, amount: keep(amount(item['amount'], world.scales[currency]!, 'invalid_amount')) };
  };

  switch (type) {
    case 'createAccount':
      return finish(user(item['userId']), { currency: keep(currencyOf(item['currency'], world)) });
    case 'deposit':
    case 'withdraw': {
      const userId = user(item['userId']);
      keep(optional(item['reference'], id));
      return finish(userId, currencyAndAmount());
    }
    case 'transfer': {
      const userId = user(item['userId']);
      const toUserId = keep(user(item['toUserId']));
      keep(optional(item['reference'], id));
      return finish(userId, { ...currencyAndAmount(), toUserId });
    }
    case 'lockFunds': {
      const userId = user(item['userId']);
      const orderId = keep(id(item['orderId']));
      const rest = currencyAndAmount();
      return finish(userId, { ...rest, orderId, expiresAt: keep(optional(item['expiresAt'], time)) });
    }
    case 'unlockFunds': {
      const userId = user(item['userId']);
      const orderId = keep(id(item['orderId']));
      return finish(userId, { ...currencyAndAmount(), orderId });
    }
    case 'createOrder':
    case 'placeOrder': {
      const userId = user(item['userId']);
      const order = readOrder(item, world, type === 'placeOrder', keep);
      return finish(userId, { order, recordRejection: item['recordRejection'] === true });
    }
    case 'cancelOrder':
      return finish(user(item['userId']), { orderId: keep(id(item['orderId'])) });
    case 'updateOrderStatus': {
      const userId = user(item['userId']);
      const orderId = keep(id(item['orderId']));
      const status = keep(oneOf(item['status'], STATUSES, 'invalid_transition'));
      const filledQuantity = keep(
        optional(item['filledQuantity'], (value) => amount(value, 18, 'invalid_quantity')),
      );
      const averagePrice = keep(
        optional(item['averagePrice'], (value) => amount(value, 18, 'invalid_price')),
      );
      return finish(userId, { orderId, status, filledQuantity, averagePrice });
    }
    case 'settleTrade': {
      const buyUserId = user(item['buyUserId']);
      const [buyOrderId, sellUserId, sellOrderId] = [
        keep(id(item['buyOrderId'])),
        keep(user(item['sellUserId'])),
        keep(id(item['sellOrderId'])),
      ];
      const market = marketOf(item['symbol'], world);
      keep(market.symbol);
      const fee = (value: unknown, scale: number) =>
        keep(optional(value, (given) => amount(given, scale, 'invalid_amount', true)) ?? 0n);
      const buyFee = fee(item['buyFee'], market.baseScale);
      const sellFee = fee(item['sellFee'], market.quoteScale);
      const price = keep(multipleOf(market.tick, item['price'], decimalsOf(market.tick), 'invalid_price'));
      const quantity = keep(multipleOf(market.lot, item['quantity'], market.baseScale, 'invalid_quantity'));
      keep(oneOf(item['takerSide'], ['buy', 'sell'], 'invalid_item'));
      if (buyUserId === sellUserId && buyOrderId === sellOrderId) throw new Wrong('trade_mismatch');
      const orders = { buyUserId, buyOrderId, sellUserId, sellOrderId };
      return finish(buyUserId, { market, price, quantity, ...orders, buyFee, sellFee });
    }
  }
}

const STATUSES = ['pending', 'open', 'partially_filled', 'filled', 'cancelled', 'expired', 'rejected'];
const TIMES_IN_FORCE = ['gtc', 'ioc', 'fok', 'gtd', 'day'];
const ORDER_TYPES = ['limit', 'market', 'stop', 'stop_limit', 'trailing_stop'];

function readOrder(
  item: Record<string, unknown>,
  world: World,
  placed: boolean,
  keep: <Value>(value: Value) => Value,
): AskedOrder {
  keep(optional(item['ocoGroupId'], id));
  keep(optional(item['parentOrderId'], id));
  const market = marketOf(item['symbol'], world);
  keep(market.symbol);
  const priceOf = (value: unknown) =>
    multipleOf(market.tick, value, decimalsOf(market.tick), 'invalid_price');
  const quantityOf = (value: unknown) => multipleOf(market.lot, value, market.baseScale, 'invalid_quantity');
  const holdAmount = keep(
    optional(item['holdAmount'], (value) => amount(value, market.quoteScale, 'invalid_amount')),
  );
  const price = keep(optional(item['price'], priceOf));
  const stopPrice = keep(optional(item['stopPrice'], priceOf));
  const trailingAmount = keep(optional(item['trailingAmount'], priceOf));
  const quantity = keep(quantityOf(item['quantity']));
  const displayQuantity = keep(optional(item['displayQuantity'], quantityOf));
  const side = keep(oneOf(item['side'], ['buy', 'sell'], 'invalid_order'));
  const type = keep(oneOf(item['type'], ORDER_TYPES, 'invalid_order'));
  const trailingPercent = keep(
    optional(item['trailingPercent'], (value) => amount(value, 4, 'invalid_order')),
  );
  const timeInForce = keep(
    optional(item['timeInForce'], (value) => oneOf(value, TIMES_IN_FORCE, 'invalid_order')) ?? 'gtc',
  );
  const expiresAt = keep(optional(item['expiresAt'], time));

  const isFreeBuy = side === 'buy' && price === null;
  const trails = type === 'trailing_stop';
  const ok =
    (price !== null) === (type === 'limit' || type === 'stop_limit') &&
    (stopPrice !== null) === (type === 'stop' || type === 'stop_limit') &&
    [trailingAmount, trailingPercent].filter((given) => given !== null).length === (trails ? 1 : 0) &&
    (trailingPercent === null || trailingPercent < numberOf('100')!) &&
    (displayQuantity === null || (price !== null && displayQuantity <= quantity)) &&
    (timeInForce !== 'gtd' || expiresAt !== null) &&
    (expiresAt === null || timeInForce === 'gtd' || timeInForce === 'day') &&
    (holdAmount === null || isFreeBuy) &&
    (holdAmount !== null || !isFreeBuy || !placed);
  if (!ok) throw new Wrong('invalid_order');
  const worth = price === null ? holdAmount : multiply(price, quantity);
  if (worth !== null && worth < numberOf(market.minNotional)!) throw new Wrong('below_minimum');
  return { market, side, type, quantity, price, holdAmount, expiresAt };
}

function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | null {
  return value === undefined || value === null ? null : read(value);
}

function id(value: unknown): string {
  const isOne =
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= 128 &&
    !value.startsWith('@') &&
    !value.includes('\0') &&
    value.isWellFormed();
  if (!isOne) throw new Wrong('invalid_id');
  return value;
}

function user(value: unknown): string {
  return value === '@fees' ? value : id(value);
}

function currencyOf(value: unknown, { scales }: World): string {
  if (typeof value !== 'string' || !Object.hasOwn(scales, value)) throw new Wrong('unknown_currency');
  return value;
}

function marketOf(value: unknown, { markets }: World): ModelMarket {
  const market = markets.find(({ symbol }) => symbol === value);
  if (market === undefined) throw new Wrong('unknown_market');
  return market;
}

function amount(value: unknown, scale: number, code: ItemErrorCode, mayBeZero = false): bigint {
  const number = numberOf(value);
  const text = String(value);
  if (number === null || text.split('.')[0]!.length > 30 || decimalsOf(text) > scale) throw new Wrong(code);
  if (number === 0n && !mayBeZero) throw new Wrong(code);
  return number;
}

function multipleOf(step: string, value: unknown, scale: number, code: ItemErrorCode): bigint {
  const number = amount(value, scale, code);
  if (number % numberOf(step)! !== 0n) throw new Wrong(code);
  return number;
}

function time(value: unknown): string {
  if (typeof value === 'string' && /^\d{4}-(0\d|1[0-2])-\d\dT\d\d:\d\d:\d\dZ$/.test(value))
    return value.replace('Z', '.000Z');
  throw new Wrong('invalid_time');
}

function oneOf(value: unknown, choices: readonly string[], code: ItemErrorCode): string {
  if (typeof value !== 'string' || !choices.includes(value)) throw new Wrong(code);
  return value;
}
