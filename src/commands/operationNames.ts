import type { BatchType } from './index.ts';

/** The name under which the batches of a type are measured: that of the method, in snake case. */
export const operationNames: Readonly<Record<BatchType, string>> = {
  createAccount: 'batch_create_accounts',
  deposit: 'batch_deposit',
  withdraw: 'batch_withdraw',
  transfer: 'batch_transfer',
  lockFunds: 'batch_lock_funds',
  unlockFunds: 'batch_unlock_funds',
  createOrder: 'batch_create_orders',
  placeOrder: 'batch_place_orders',
  cancelOrder: 'batch_cancel_orders',
  updateOrderStatus: 'batch_update_order_status',
  settleTrade: 'batch_settle_trades',
  mixed: 'execute',
};

/** The name of the batches that release expired holds. */
export const SWEEP = 'sweep_expired';

/** All names of batches. */
export const batchOperations: ReadonlySet<string> = new Set([...Object.values(operationNames), SWEEP]);
