import { fundsOf, holdOf, openHold, spendHold, type Funds } from '../books/funds.ts';
import { Rejection } from '../books/rejection.ts';
import { accountId, holdId, keyOf } from '../books/rows.ts';
import type { Command } from './command.ts';
import type { Fields } from './fields.ts';
import type { AnyItem } from './item.ts';
import { operationId } from './kinds.ts';

export interface UnlockFunds extends AnyItem {
  readonly id: string;
  readonly userId: string;
  readonly currency: string;
  /** Decimal string, more than zero, at most the rest of the hold. */
  readonly amount: string;
  /** The order that the hold is for. */
  readonly orderId: string;
}

/** Moves funds from the hold of (user, order, currency) back to available. */
export function unlockFunds(fields: Fields): Command<Funds> {
  const id = fields.id('id');
  const userId = fields.userId();
  const orderId = fields.id('orderId');
  const currency = fields.currency();
  const amount = fields.amount('amount', currency);
  const type = 'unlockFunds';
  const held = holdId(userId, orderId, currency);
  return {
    type,
    operationIds: [operationId(type, userId, id)],
    content: keyOf(type, currency.code, amount.toString(), orderId),
    touch(keys) {
      keys.accounts.add(accountId(userId, currency));
      keys.holds.add(held);
    },
    apply(books) {
      if (openHold(books, held)?.placed === true) {
        throw new Rejection(
          'hold_in_use',
          `Order ${orderId} was placed with this hold; cancel or settle the order to release it`,
        );
      }
      const hold = holdOf(books, held, amount);
      return fundsOf(spendHold(books, hold, 0n, amount, { operationId: id, operationType: type, orderId }));
    },
  };
}
