import { addOrder } from '../books/orders.ts';
import { Rejection } from '../books/rejection.ts';
import { keyOf, type OrderStatus } from '../books/rows.ts';
import type { Command } from './command.ts';
import type { Fields } from './fields.ts';
import { operationId } from './kinds.ts';
import { readOrder } from './newOrder.ts';

/** The data of an order that was applied. */
export interface OrderOutcome {
  readonly orderId: string;
  readonly status: OrderStatus;
  /** The number of changes of the order so far. */
  readonly version: number;
}

/** Stores an order whose funds the caller locks itself (`lockFunds`), or that needs no hold. */
export function createOrder(fields: Fields): Command<OrderOutcome> {
  const { order, content } = readOrder(fields, false);
  const { key, userId, id, status, version } = order.row;
  const type = 'createOrder';
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, content),
    touch(keys) {
      keys.orders.add({ key, userId, id });
    },
    apply(books) {
      if (books.orders.get(key) !== undefined) {
        throw new Rejection('order_exists', `${userId} has an order ${id} already`);
      }
      addOrder(books, order);
      return { orderId: id, status, version };
    },
  };
}
