import { isOpen, OPEN_STATUSES } from '../books/orders.ts';
import type { Session } from '../database/database.ts';
import { readAccounts, type AccountKey, type AccountView } from '../reads/accounts.ts';
import { readOrdersByIds, readUserOrders, type OrderView } from '../reads/orders.ts';
import { readTradesByOrderIds, type OrderTrades } from '../reads/trades.ts';
import type { Freshness } from './timeToLive.ts';

/** What the cache can hold, by the names that operators know. */
export type KindName = 'accounts' | 'orders' | 'userOrders' | 'trades';

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
}

const MISSING: Freshness = { isFinal: false, changedAt: null };

export const accounts: Kind<AccountKey, AccountView | null> = {
  name: 'accounts',
  family: 'accounts',
  keyOf: ({ userId, currency }) => `accounts:${userId}\0${currency}`,
  read: readAccounts,
  versionOf: (account) => account?.version ?? 0,
  freshnessOf: (account) =>
    account === null ? MISSING : { isFinal: false, changedAt: Date.parse(account.updatedAt) },
};

/** By id alone: of two users with the same id, the order that was created first. */
export const orders: Kind<string, OrderView | null> = {
  name: 'orders',
  family: 'orders',
  keyOf: (id) => `orders:${id}`,
  read: readOrdersByIds,
  versionOf: (order) => order?.version ?? 0,
  freshnessOf: (order) =>
    order === null ? MISSING : { isFinal: !isOpen(order.status), changedAt: Date.parse(order.updatedAt) },
};

/** The trades of an order. */
export const trades: Kind<string, OrderTrades> = {
  name: 'trades',
  family: 'trades',
  keyOf: (orderId) => `trades:${orderId}`,
  read: readTradesByOrderIds,
  versionOf: () => 0,
  freshnessOf: ({ trades: list, isFinal }) => ({
    ...freshnessOfList(list.map(({ executedAt }) => executedAt)),
    isFinal,
  }),
};

/** As many of a user's orders, the newest first, as were asked for; or all, where there are fewer. */
export interface UserOrders {
  readonly limit: number;
  readonly orders: readonly OrderView[];
}

/**
 * The newest orders of a user: of all, or of the open ones. Lists by other filters are not cached, since a commit
 * could not tell which of them it changed.
 */
export const userOrders = (which: 'all' | 'open', limit: number): Kind<string, UserOrders> => ({
  name: 'userOrders',
  family: `userOrders:${which}:${limit}`,
  keyOf: (userId) => `userOrders:${which}:${userId}`,
  async read(session, userIds) {
    const filter = which === 'open' ? { statuses: OPEN_STATUSES, limit } : { limit };
    const lists = await readUserOrders(session, userIds, filter);
    return lists.map((list) => ({ limit, orders: list }));
  },
  versionOf: () => 0,
  freshnessOf: (list) => freshnessOfList(list.orders.map(({ updatedAt }) => updatedAt)),
});

/** Whether a list that was read for one limit has all that another asks for. */
export const holdsAll = (list: UserOrders, limit: number): boolean =>
  list.limit >= limit || list.orders.length < list.limit;

/** A list changes with its newest row; an empty one may grow at any time. */
function freshnessOfList(times: readonly string[]): Freshness {
  if (times.length === 0) return MISSING;
  return { isFinal: false, changedAt: Math.max(...times.map((time) => Date.parse(time))) };
}
