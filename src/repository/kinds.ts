import { isOpen, OPEN_STATUSES } from '../books/orders.ts';
import type { Session } from '../database/database.ts';
import type { KindName } from '../diagnostics.ts';
import { limits } from '../limits.ts';
import { readAccounts, type AccountKey, type AccountView } from '../reads/accounts.ts';
import { nameOfIds, orderKeyName, type OrderKey, type OwnedOrderKey } from '../reads/readArguments.ts';
import type { ReadOperation } from '../reads/operationNames.ts';
import {
  isAmbiguous,
  readOrdersByIds,
  readUserOrders,
  type FoundOrder,
  type OrderView,
} from '../reads/orders.ts';
import { readTradesByOrderIds, type OrderTrades } from '../reads/trades.ts';
import type { Freshness } from './cache/timeToLive.ts';

/** One kind of read: its keys, how it is read, and the version and freshness of a value. */
export interface Kind<Key, Value> {
  readonly name: KindName;
  /** The name under which its reads are measured. */
  readonly operation: ReadOperation;
  /** Single calls of one family are gathered, since one statement can read them all. */
  readonly family: string;
  /** The key in the cache. Different keys have different texts, since ids contain no NUL. */
  keyOf(key: Key): string;
  /** Reads many values, in the order of their keys. */
  read(session: Session, keys: readonly Key[]): Promise<Value[]>;
  /** The version of a row; 0 for a list and for a missing row. */
  versionOf(value: Value): number;
  freshnessOf(value: Value): Freshness;
  /** Only for lists: they are stored under one key, whatever limit they were read with. */
  readonly extent?: Extent<Value>;
}

/** How much of a list is known. A stored list with a smaller extent than the reader asks for counts as absent. */
export interface Extent<Value> {
  readonly asked: number;
  /** The highest limit for which this list is a complete answer. */
  of(value: Value): number;
}

const MISSING: Freshness = { isFinal: false, changedAt: null };

export const accounts: Kind<AccountKey, AccountView | null> = {
  name: 'accounts',
  operation: 'batch_get_accounts',
  family: 'accounts',
  keyOf: ({ userId, currency }) => `accounts:${nameOfIds(userId, currency)}`,
  read: readAccounts,
  versionOf: (account) => account?.version ?? 0,
  freshnessOf: (account) =>
    account === null ? MISSING : { isFinal: false, changedAt: Date.parse(account.updatedAt) },
};

export const orders: Kind<OrderKey, FoundOrder> = {
  name: 'orders',
  operation: 'batch_get_orders_by_ids',
  family: 'orders',
  keyOf: (key) => `orders:${orderKeyName(key)}`,
  read: readOrdersByIds,
  versionOf: (order) => order?.version ?? 0,
  freshnessOf: (order) =>
    order === null || isAmbiguous(order)
      ? MISSING
      : { isFinal: !isOpen(order.status), changedAt: Date.parse(order.updatedAt) },
};

/** The trades of an order. */
export const trades: Kind<OwnedOrderKey, OrderTrades> = {
  name: 'trades',
  operation: 'batch_get_trades_by_order_ids',
  family: 'trades',
  keyOf: (key) => `trades:${orderKeyName(key)}`,
  read: readTradesByOrderIds,
  versionOf: () => 0,
  freshnessOf: ({ trades: list, isFinal }) => ({
    ...freshnessOfList(list.map(({ executedAt }) => executedAt)),
    isFinal,
  }),
};

/**
 * The newest orders of a user, or the newest open ones. Lists with other filters are not cached, since a batch does not
 * know which of them it changed.
 */
export const userOrders = (which: 'all' | 'open', limit: number): Kind<string, readonly OrderView[]> => ({
  name: 'userOrders',
  operation: which === 'all' ? 'batch_get_user_orders' : 'batch_get_open_orders_by_users',
  family: `userOrders:${which}:${limit}`,
  keyOf: (userId) => `userOrders:${which}:${nameOfIds(userId)}`,
  read(session, userIds) {
    const filter = which === 'open' ? { statuses: OPEN_STATUSES, limit } : { limit };
    return readUserOrders(session, userIds, filter);
  },
  versionOf: () => 0,
  freshnessOf: (orders) => freshnessOfList(orders.map(({ updatedAt }) => updatedAt)),
  // A list that is shorter than its limit has all the orders, so it is complete for every limit.
  extent: { asked: limit, of: ({ length }) => (length < limit ? limits.reads.ordersPerUser.most : limit) },
});

/** A list changed when its newest row did. An empty list is treated like a missing row, since it may grow at any time. */
function freshnessOfList(times: readonly string[]): Freshness {
  if (times.length === 0) return MISSING;
  return { isFinal: false, changedAt: Math.max(...times.map((time) => Date.parse(time))) };
}
