import { keyOf, type OperationId } from '../books/rows.ts';

/**
 * The kinds of operations. For each user, an id is unique within a kind. Commands that make or change things of the same kind
 * share its ids.
 */
export const KINDS = {
  createAccount: 'funds',
  lockFunds: 'funds',
  unlockFunds: 'funds',
  expireHold: 'funds',
  deposit: 'transaction',
  withdraw: 'transaction',
  transfer: 'transaction',
  createOrder: 'order',
  placeOrder: 'order',
  cancelOrder: 'order_change',
  updateOrderStatus: 'order_change',
  expireOrder: 'order_change',
  settleTrade: 'trade',
} as const;

export type OperationType = keyof typeof KINDS;
export type OperationKind = (typeof KINDS)[OperationType];

/** All kinds. */
export const OPERATION_KINDS: readonly OperationKind[] = [...new Set(Object.values(KINDS))];

export const kindOf = (type: OperationType): OperationKind => KINDS[type];

/** Names the operation of a command by the caller's id. */
export function operationId(type: OperationType, userId: string, id: string): OperationId {
  const kind = kindOf(type);
  return { key: keyOf(userId, kind, id), userId, kind, id };
}
