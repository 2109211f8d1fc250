import { isOpen, OPEN_STATUSES } from '../books/orders.ts';
import type { Session } from '../database/database.ts';
import type { KindName } from '../diagnostics.ts';
import { limits } from '../limits.ts';
import { readAccounts, type AccountKey, type AccountView } from '../reads/accounts.ts';
import { nameOfIds, orderKeyName, type OrderKey, type OwnedOrderKey } from '../reads/keys.ts';
import {
  isAmbiguous,
  readOrdersByIds,
  readUserOrders,
  type FoundOrder,
  type OrderView,
} from '../reads/orders.ts';
import { readTradesByOrderIds, type OrderTrades } from '../reads/trades.ts';
import type { Freshness } from './timeToLive.ts';

/** One kind of read: what it is found by, how it is read, and what is known of it once it is. */
export interface Kind<Key, Value> {
  readonly name: KindName;
  /** Single calls of one family are gathered: they can be read by one statement. */
  readonly family: string;
  /** The key in the cache. Ids hold no NUL, so that no two keys are written the same. */
  keyOf(key: Key): string;
  /** Reads many, in the order of their keys. */
  read(session: Session, keys: readonly Key[]): Promise<Value[]>;
  /** Counts the changes of a row; 0 for a list and for a row that is not there. */
  versionOf(value: Value): number;
  freshnessOf(value: Value): Freshness;
  /** Of lists, which are stored under one key whatever the limit that they were read with. */
  readonly extent?: Extent<Value>;
}

/** How long a list is. What is stored with a smaller extent than is asked for is as good as absent. */
export interface Extent<Value> {
  readonly asked: number;
  /** Up to which limit this one is enough for others. */
  of(value: Value): number;
}

const MISSING: Freshness = { isFinal: false, changedAt: null };

export const accounts: Kind<AccountKey, AccountView | null> = {
  name: 'accounts',
  family: 'accounts',
  keyOf: ({ userId, currency }) => `accounts:${nameOfIds(userId, currency)}`,
  read: readAccounts,
  versionOf: (account) => account?.version ?? 0,
  freshnessOf: (account) =>
    account === null ? MISSING : { isFinal: false, changedAt: Date.parse(account.updatedAt) },
};

export const orders: Kind<OrderKey, FoundOrder> = {
  name: 'orders',
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
 * The newest orders of a user: of all, or of the open ones. Lists by other filters are not cached, since a commit
 * could not tell which of them it changed.
 */
export const userOrders = (which: 'all' | 'open', limit: number): Kind<string, readonly OrderView[]> => ({
  name: 'userOrders',
  family: `userOrders:${which}:${limit}`,
  keyOf: (userId) => `userOrders:${which}:${nameOfIds(userId)}`,
  read(session, userIds) {
    const filter = which === 'open' ? { statuses: OPEN_STATUSES, limit } : { limit };
    return readUserOrders(session, userIds, filter);
  },
  versionOf: () => 0,
  freshnessOf: (orders) => freshnessOfList(orders.map(({ updatedAt }) => updatedAt)),
  // Where there are fewer than were asked for, these are all.
  extent: { asked: limit, of: ({ length }) => (length < limit ? limits.reads.ordersPerUser.most : limit) },
});

/** A list changes with its newest row; an empty one may grow at any time. */
function freshnessOfList(times: readonly string[]): Freshness {
  if (times.length === 0) return MISSING;
  return { isFinal: false, changedAt: Math.max(...times.map((time) => Date.parse(time))) };
}
