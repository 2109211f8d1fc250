import type { Books } from '../books/books.ts';
import { fundsOf, openHold, spendHold, type Cause, type Funds } from '../books/funds.ts';
import { changeOrder, orderOf, requiredHold, requireTransition } from '../books/orders.ts';
import { holdId, type OwnedId } from '../books/rows.ts';
import { formatAmount } from '../money/amount.ts';
import type { OrderOutcome } from './createOrder.ts';

/** An order that ended before it was filled, and the amount that its hold released. */
export interface EndOutcome extends OrderOutcome {
  /** Decimal string, in the currency of the hold; `"0"` without a hold. */
  readonly released: string;
  /** The account of the hold; `null` without a hold. */
  readonly funds: Funds | null;
}

/** Ends an order and releases the rest of its hold, both or neither. */
export function endOrder(
  books: Books,
  id: OwnedId,
  status: 'cancelled' | 'expired',
  by: Omit<Cause, 'orderId'>,
): EndOutcome {
  const order = orderOf(books, id);
  requireTransition(order, status);
  const { version } = changeOrder(books, order, { status });
  const orderId = order.id;
  const hold = openHold(books, holdId(order.userId, orderId, requiredHold(order).currency));
  if (hold === undefined) return { orderId, status, version, released: '0', funds: null };
  const account = spendHold(books, hold, 0n, hold.amount, { ...by, orderId });
  return {
    orderId,
    status,
    version,
    released: formatAmount(hold.amount, hold.scale),
    funds: fundsOf(account),
  };
}
