import { accountOf, fundsOf, lock, openHold, type Funds } from '../books/funds.ts';
import { addOrder, requiredHold } from '../books/orders.ts';
import { Rejection } from '../books/rejection.ts';
import { accountId, holdId, keyOf } from '../books/rows.ts';
import type { Command } from './command.ts';
import type { OrderOutcome } from './createOrder.ts';
import type { Fields } from './fields.ts';
import { operationId } from './kinds.ts';
import { readOrder, type CreateOrder } from './newOrder.ts';

export interface PlaceOrder extends CreateOrder {
  /**
   * Whether an order that is refused for lack of funds is stored with status `rejected`. Its id is then used up, and sending
   * it again is refused as `already_rejected`, even with enough funds. Default false.
   */
  readonly recordRejection?: boolean | undefined;
}

/** An order, and the account in which its funds are locked. */
export interface PlaceOutcome extends OrderOutcome {
  readonly funds: Funds;
}

/** Locks the funds that the order may need and stores the order, both or neither. */
export function placeOrder(fields: Fields): Command<PlaceOutcome> {
  const { order, content } = readOrder(fields, true);
  const recordRejection = fields.flag('recordRejection');
  const { key, userId, id, status, version } = order.row;
  const { currency, amount } = requiredHold(order.row);
  const { expiresAt } = order.terms;
  const type = 'placeOrder';
  const account = accountId(userId, currency);
  const hold = holdId(userId, id, currency);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, content),
    touch(keys) {
      keys.accounts.add(account);
      keys.orders.add({ key, userId, id });
      keys.ordersWithHolds.add({ key, userId, id });
    },
    apply(books) {
      const there = books.orders.get(key);
      if (there?.status === 'rejected') {
        throw new Rejection('already_rejected', `Order ${id} was rejected before, and that was recorded`);
      }
      if (there !== undefined) throw new Rejection('order_exists', `${userId} has an order ${id} already`);
      if (openHold(books, hold) !== undefined) {
        throw new Rejection('hold_in_use', `${userId} holds ${currency.code} for order ${id} already`);
      }
      const cause = { operationId: id, operationType: type, orderId: id };
      const from = accountOf(books, account);
      const funds = fundsOf(lock(books, from, amount, hold, { placed: true, expiresAt }, cause));
      addOrder(books, order);
      return { orderId: id, status, version, funds };
    },
    reject(books, { code }) {
      if (!recordRejection || (code !== 'insufficient_funds' && code !== 'account_not_found')) return;
      addOrder(books, {
        ...order,
        row: { ...order.row, status: 'rejected', placed: false },
        rejectCode: code,
      });
    },
  };
}
