import type { Books } from '../books/books.ts';
import { fundsOf, take, type Funds } from '../books/funds.ts';
import { changeOrder, orderOf, requiredHold, requireTransition } from '../books/orders.ts';
import { keyOf, type OrderRow } from '../books/rows.ts';
import { formatAmount } from '../money/amount.ts';
import type { OrderOutcome } from './createOrder.ts';

/** An order that ended before it was filled, and what came back from its hold. */
export interface EndOutcome extends OrderOutcome {
  /** Decimal string, in the currency of the hold; `"0"` where nothing was held. */
  readonly released: string;
  /** The account that the hold was in; `null` where nothing was held. */
  readonly funds: Funds | null;
}

/** Ends an order and gives back what its hold still has: both or neither. */
export function endOrder(
  books: Books,
  asked: { userId: string; orderId: string; status: 'cancelled' | 'expired' },
  by: { operationId: string; operationType: string },
): EndOutcome {
  const { userId, orderId, status } = asked;
  const order = orderOf(books, userId, orderId);
  requireTransition(order, status);
  const { version } = changeOrder(books, order, { status });
  const hold = openHold(books, order);
  if (hold === undefined) return { orderId, status, version, released: '0', funds: null };
  const account = take(books, hold, 0n, hold.amount, { ...by, orderId });
  return {
    orderId,
    status,
    version,
    released: formatAmount(hold.amount, hold.scale),
    funds: fundsOf(account),
  };
}

function openHold(books: Books, order: OrderRow) {
  const { currency } = requiredHold(order);
  const hold = books.holds.get(keyOf(order.userId, order.id, currency.code));
  return hold === undefined || hold.amount === 0n ? undefined : hold;
}
