import type { ViewOf } from '../view.ts';
import { BatchView } from './BatchView.tsx';
import { Found } from './Found.tsx';
import { OrdersById, OrderView } from './OrderView.tsx';
import { Totals } from './Totals.tsx';
import { TradeView } from './TradeView.tsx';
import { User } from './User.tsx';
import { AccountStatement, UserList } from './UserList.tsx';

/** The look-ups: users, orders, trades, batches, totals. */
export const lookups: readonly ViewOf[] = [
  { pattern: 'find/:text', title: ({ text = '' }) => `Found for ${text}`, View: Found },
  { pattern: 'user/:userId', title: ({ userId = '' }) => `User ${userId}`, View: User },
  {
    pattern: 'user/:userId/account/:currency',
    title: ({ userId = '', currency = '' }) => `${currency} of ${userId}`,
    View: AccountStatement,
  },
  {
    pattern: 'user/:userId/:list',
    title: ({ userId = '', list = '' }) => `${list} of ${userId}`,
    View: UserList,
  },
  { pattern: 'order/:orderId', title: ({ orderId = '' }) => `Orders ${orderId}`, View: OrdersById },
  { pattern: 'order/:userId/:orderId', title: ({ orderId = '' }) => `Order ${orderId}`, View: OrderView },
  { pattern: 'trade/:tradeId', title: ({ tradeId = '' }) => `Trade ${tradeId}`, View: TradeView },
  { pattern: 'batch/:batchId', title: ({ batchId = '' }) => `Batch ${batchId}`, View: BatchView },
  { pattern: 'totals', title: () => 'Totals', View: Totals },
];
