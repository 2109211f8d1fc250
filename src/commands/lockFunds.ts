import { accountOf, fundsOf, lock, openHold, type Funds } from '../books/funds.ts';
import { Rejection } from '../books/rejection.ts';
import { accountId, holdId, keyOf } from '../books/rows.ts';
import type { Command } from './command.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';
import { operationId } from './kinds.ts';

export interface LockFunds extends AnyItem {
  readonly id: string;
  readonly userId: string;
  readonly currency: string;
  /** Decimal string, more than zero. */
  readonly amount: string;
  /** The order that the hold is for. */
  readonly orderId: string;
  /** The time from which the sweeper releases the rest of the hold, ISO 8601. A later lock for the same hold replaces it. */
  readonly expiresAt?: string | Date | null | undefined;
}

/** Moves funds from available to locked, into the hold of (user, order, currency). */
export function lockFunds(fields: Fields): Command<Funds> {
  const id = fields.id('id');
  const userId = fields.userId();
  const orderId = fields.id('orderId');
  const currency = fields.currency();
  const amount = fields.amount('amount', currency);
  const expiresAt = fields.optionalTime('expiresAt');
  const type = 'lockFunds';
  const account = accountId(userId, currency);
  const hold = holdId(userId, orderId, currency);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, currency.code, amount.toString(), orderId, expiresAt ?? ''),
    touch(keys) {
      keys.accounts.add(account);
      keys.holds.add(hold);
    },
    apply(books) {
      const from = accountOf(books, account);
      if (openHold(books, hold)?.placed === true) {
        throw new Rejection(
          'hold_in_use',
          `Order ${orderId} was placed with its own hold; nothing is added to it`,
        );
      }
      const cause = { operationId: id, operationType: type, orderId };
      return fundsOf(lock(books, from, amount, hold, { placed: false, expiresAt }, cause));
    },
  };
}
