import type { Currency } from '../catalog/catalog.ts';
import { divideUp, formatAmount } from '../money/amount.ts';
import type { Books } from './books.ts';
import { Rejection } from './rejection.ts';
import { VALUE_SCALE, type NewOrder, type OrderRow, type OrderStatus, type OwnedId } from './rows.ts';

/** The rules of orders: their status transitions, their holds, and their fills. */

const NEXT: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  pending: ['open', 'cancelled', 'expired', 'rejected'],
  open: ['partially_filled', 'filled', 'cancelled', 'expired', 'rejected'],
  partially_filled: ['partially_filled', 'filled', 'cancelled', 'expired'],
  filled: [],
  cancelled: [],
  expired: [],
  rejected: [],
};

/** Whether an order in this state can still change. */
export const isOpen = (status: OrderStatus): boolean => NEXT[status].length > 0;

/** Statuses in which an order can still change. */
export const OPEN_STATUSES = (Object.keys(NEXT) as OrderStatus[]).filter(isOpen);

export const ORDER_STATUSES = Object.keys(NEXT) as OrderStatus[];

/** The order. Refuses if it does not exist. */
export function orderOf(books: Books, { key, userId, id }: OwnedId): OrderRow {
  const order = books.orders.get(key);
  if (order === undefined) throw new Rejection('order_not_found', `${userId} has no order ${id}`);
  return order;
}

/** Refuses unless `status` may follow the status of the order. */
export function requireTransition(order: OrderRow, status: OrderStatus): void {
  const next = NEXT[order.status];
  if (next.includes(status)) return;
  const accepted = next.length === 0 ? 'nothing can follow' : `the next status can be ${next.join(', ')}`;
  throw new Rejection(
    'invalid_transition',
    `Order ${order.id} is ${order.status} and cannot become ${status}: ${accepted}`,
  );
}

/** The currency and the amount that an order has to hold while it is open. */
export function requiredHold(order: OrderRow): { currency: Currency; amount: bigint } {
  const { base, quote } = order.market;
  if (order.side === 'sell') return { currency: base, amount: order.quantity - order.filledQuantity };
  if (order.price === null) {
    return { currency: quote, amount: (order.holdAmount ?? 0n) - divideUp(order.filledValue, unitOf(quote)) };
  }
  return { currency: quote, amount: paymentFor(order, valueLeft(order, order.price)) };
}

/**
 * The most that the hold of an open, placed order may have beyond {@link requiredHold}: nothing, unless fills from before the
 * migration `payments` were rounded down one by one, each by less than a unit.
 */
export function spareHold(order: OrderRow): bigint {
  if (order.side === 'sell' || order.filledQuantity === 0n) return 0n;
  // Each fill raises the version by one, and version 1 has no fill.
  if (order.price === null) return BigInt(order.version - 1);
  const left = valueLeft(order, order.price);
  return divideUp(left, unitOf(order.market.quote)) - paymentFor(order, left);
}

/** The value of the unfilled rest of an order, at {@link VALUE_SCALE}. */
const valueLeft = (order: OrderRow, price: bigint): bigint =>
  fillValue(order, price, order.quantity - order.filledQuantity);

/**
 * The payment of a buy for fills of this value, in units of quote. Its payments always add up to the exact value of all its
 * fills, rounded up once: however the fills are split, it never pays less than that value, nor one unit more. A hold of
 * the payment for the rest at the limit price therefore covers every way to fill it.
 */
export function paymentFor(buy: OrderRow, value: bigint): bigint {
  const paid = (filledValue: bigint): bigint => divideUp(filledValue, unitOf(buy.market.quote));
  return paid(buy.filledValue + value) - paid(buy.filledValue);
}

/** The smallest amount of a currency, at {@link VALUE_SCALE}. */
const unitOf = ({ scale }: Currency): bigint => 10n ** BigInt(VALUE_SCALE - scale);

/** Refuses an order whose value is known and below the minimum of its market. */
export function requireNotional(order: OrderRow): void {
  const { market, price, quantity, holdAmount } = order;
  const unit = unitOf(market.quote);
  const value = price === null ? holdAmount && holdAmount * unit : fillValue(order, price, quantity);
  if (value === null || value >= market.leastValue * unit) return;
  const { symbol, minNotional, quote } = market;
  throw new Rejection(
    'below_minimum',
    `An order on ${symbol} must be worth at least ${minNotional} ${quote.code}: got ${formatAmount(value, VALUE_SCALE)}`,
  );
}

/** Stores a new order. */
export function addOrder(books: Books, order: Omit<NewOrder, 'createdAt'>): void {
  books.newOrders.set(order.row.key, { ...order, createdAt: books.moment });
  books.orders.set(order.row.key, order.row);
}

/** Stores the next version of an order. */
export function changeOrder(
  books: Books,
  order: OrderRow,
  change: Partial<Pick<OrderRow, 'status' | 'filledQuantity' | 'filledValue'>>,
): OrderRow {
  const changed = { ...order, ...change, version: order.version + 1, changedAt: books.moment };
  books.orders.set(order.key, changed);
  return changed;
}

/** Fills `quantity`, at most what the order has left, at `price`; both at the scales of its market. */
export function fillOrder(books: Books, order: OrderRow, price: bigint, quantity: bigint): OrderRow {
  const filledQuantity = order.filledQuantity + quantity;
  const status = filledQuantity === order.quantity ? 'filled' : 'partially_filled';
  const filledValue = order.filledValue + fillValue(order, price, quantity);
  return changeOrder(books, order, { status, filledQuantity, filledValue });
}

/** price x quantity at {@link VALUE_SCALE}. */
export function fillValue(order: OrderRow, price: bigint, quantity: bigint): bigint {
  const { base, priceScale } = order.market;
  return price * quantity * 10n ** BigInt(VALUE_SCALE - priceScale - base.scale);
}
