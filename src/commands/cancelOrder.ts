import { keyOf, ownedId } from '../books/rows.ts';
import type { Command } from './command.ts';
import { endOrder, type EndOutcome } from './endOrder.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';
import { operationId } from './kinds.ts';

export interface CancelOrder extends AnyItem {
  /** The id of this operation, not of the order. */
  readonly id: string;
  readonly userId: string;
  readonly orderId: string;
}

/** Cancels an order and releases the rest of its hold. */
export function cancelOrder(fields: Fields): Command<EndOutcome> {
  const id = fields.id('id');
  const userId = fields.userId();
  const orderId = fields.id('orderId');
  const type = 'cancelOrder';
  const order = ownedId(userId, orderId);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, orderId),
    touch(keys) {
      keys.orders.add(order);
      keys.ordersWithHolds.add(order);
    },
    apply(books) {
      return endOrder(books, order, 'cancelled', { operationId: id, operationType: type });
    },
  };
}
