import { fundsOf, holdOf, spendHold, type Funds } from '../books/funds.ts';
import { Rejection } from '../books/rejection.ts';
import { accountId, holdId, keyOf, ownedId } from '../books/rows.ts';
import type { Currency } from '../catalog/catalog.ts';
import { v7 as uuidv7 } from 'uuid';
import type { Command } from './command.ts';
import { operationId } from './kinds.ts';
import { endOrder, type EndOutcome } from './endOrder.ts';

/**
 * The commands of the sweeper. Their ids begin with "@", which no caller's id can. Each command has a new id, since a hold
 * that was released may be made again and expire again; its state, not its id, tells whether it was released.
 */
const sweepId = (): string => `@expire/${uuidv7()}`;

/** Ends an order whose time is over, and releases the rest of its hold. */
export function expireOrder(userId: string, orderId: string, expiresAt: string): Command<EndOutcome> {
  const type = 'expireOrder';
  const id = sweepId();
  const order = ownedId(userId, orderId);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, orderId, expiresAt),
    touch(keys) {
      keys.orders.add(order);
      keys.ordersWithHolds.add(order);
    },
    apply(books) {
      return endOrder(books, order, 'expired', { operationId: id, operationType: type });
    },
  };
}

/** Releases the rest of a hold whose time is over. */
export function expireHold(
  userId: string,
  orderId: string,
  currency: Currency,
  expiresAt: string,
): Command<Funds> {
  const type = 'expireHold';
  const id = sweepId();
  const held = holdId(userId, orderId, currency);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, orderId, currency.code, expiresAt),
    touch(keys) {
      keys.accounts.add(accountId(userId, currency));
      keys.holds.add(held);
    },
    apply(books) {
      const hold = holdOf(books, held, 0n);
      if (hold.expiresAt !== expiresAt || Date.parse(expiresAt) * 1_000 > books.now) {
        throw new Rejection(
          'hold_not_found',
          `No hold of ${userId} for order ${orderId} expired at ${expiresAt}`,
        );
      }
      return fundsOf(
        spendHold(books, hold, 0n, hold.amount, { operationId: id, operationType: type, orderId }),
      );
    },
  };
}
