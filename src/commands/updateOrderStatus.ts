import {
  changeOrder,
  fillValue,
  isOpen,
  orderOf,
  ORDER_STATUSES,
  requireTransition,
} from '../books/orders.ts';
import { Rejection } from '../books/rejection.ts';
import { keyOf, ownedId, VALUE_SCALE, type OrderRow, type OrderStatus } from '../books/rows.ts';
import { limits } from '../limits.ts';
import { formatAmount, parseAmount } from '../money/amount.ts';
import type { Command } from './command.ts';
import type { OrderOutcome } from './createOrder.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';
import { operationId } from './kinds.ts';

export interface UpdateOrderStatus extends AnyItem {
  /** The id of this operation, not of the order. */
  readonly id: string;
  readonly userId: string;
  readonly orderId: string;
  readonly status: OrderStatus;
  /** The total filled quantity, decimal string in base. Required for `partially_filled`. */
  readonly filledQuantity?: string | null | undefined;
  /**
   * The average price of all fills so far, decimal string of at most 18 decimals. If it is absent, the fills of this update
   * count at the limit price of the order.
   */
  readonly averagePrice?: string | null | undefined;
}

/** Changes the status of an order. Placed orders are filled by `settleTrade` and ended by `cancelOrder` instead. */
export function updateOrderStatus(fields: Fields): Command<OrderOutcome> {
  const id = fields.id('id');
  const userId = fields.userId();
  const orderId = fields.id('orderId');
  const status = fields.oneOf('invalid_transition', 'status', ORDER_STATUSES);
  // The scale of the market is known only once the order is loaded; here the text only has to be an amount.
  const filledQuantity = fields.optionalDecimal('invalid_quantity', 'filledQuantity', limits.books.scale);
  const averagePrice = fields.optionalDecimal('invalid_price', 'averagePrice', limits.books.scale);
  const type = 'updateOrderStatus';
  const owned = ownedId(userId, orderId);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, orderId, status, filledQuantity?.toString() ?? '', averagePrice?.toString() ?? ''),
    touch(keys) {
      keys.orders.add(owned);
    },
    apply(books) {
      const order = orderOf(books, owned);
      requireTransition(order, status);
      refuseWhilePlaced(order, status, filledQuantity);
      const filled = filledTo(order, status, filledQuantity);
      const change = { status, filledQuantity: filled, filledValue: valueOf(order, filled, averagePrice) };
      const { version } = changeOrder(books, order, change);
      return { orderId, status, version };
    },
  };
}

function refuseWhilePlaced(order: OrderRow, status: OrderStatus, filledQuantity: bigint | null): void {
  if (!order.placed || (status === 'open' && filledQuantity === null)) return;
  throw new Rejection(
    'order_placed',
    `Order ${order.id} was placed with its funds: ${isOpen(status) || status === 'filled' ? 'batchSettleTrades fills it' : 'batchCancelOrders ends it'}`,
  );
}

/** The filled quantity after the update, at the scale of base. */
function filledTo(order: OrderRow, status: OrderStatus, asked: bigint | null): bigint {
  const { filledQuantity: before, quantity, market } = order;
  const shown = (value: bigint): string => formatAmount(value, market.base.scale);
  if (status === 'filled' && asked === null) return quantity;
  if (status === 'partially_filled' && asked === null) {
    throw new Rejection('invalid_quantity', `filledQuantity is needed for partially_filled: got nothing`);
  }
  if (asked === null) return before;
  const text = formatAmount(asked, limits.books.scale);
  const filled = parseAmount(text, market.base.scale, limits.books.integerDigits);
  if (typeof filled === 'string')
    throw new Rejection('invalid_quantity', `filledQuantity ${filled}: got "${text}"`);
  const [least, most] =
    status === 'filled'
      ? [quantity, quantity]
      : status === 'partially_filled'
        ? [before + 1n, quantity - 1n]
        : status === 'cancelled' || status === 'expired'
          ? [before, quantity - 1n]
          : [before, before];
  if (filled < least || filled > most) {
    throw new Rejection(
      'invalid_quantity',
      `filledQuantity of order ${order.id} must be ${shown(least)} to ${shown(most)} when ${status}: got "${text}"`,
    );
  }
  return filled;
}

/** The value of all fills after the update, at {@link VALUE_SCALE}. */
function valueOf(order: OrderRow, filled: bigint, averagePrice: bigint | null): bigint {
  if (averagePrice !== null) {
    if (filled === 0n)
      throw new Rejection('invalid_price', 'averagePrice must be absent while nothing is filled');
    return averagePrice * filled * 10n ** BigInt(VALUE_SCALE - limits.books.scale - order.market.base.scale);
  }
  const more = filled - order.filledQuantity;
  if (more === 0n) return order.filledValue;
  if (order.price === null) {
    throw new Rejection(
      'invalid_price',
      `averagePrice is needed for a fill of order ${order.id}: got nothing`,
    );
  }
  return order.filledValue + fillValue(order, order.price, more);
}
