import { keyOf, type OperationId } from '../books/rows.ts';

/**
 * The kinds of things that ids name: one id may name one thing of each kind for each user. Commands that make or change things
 * of one kind share its ids.
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

/** Every kind there is. */
export const OPERATION_KINDS: readonly OperationKind[] = [...new Set(Object.values(KINDS))];

export const kindOf = (type: OperationType): OperationKind => KINDS[type];

/** Names the operation that a command is, by the caller's id. */
export function operationId(type: OperationType, userId: string, id: string): OperationId {
  const kind = kindOf(type);
  return { key: keyOf(userId, kind, id), userId, kind, id };
}
