import type { Books } from '../books/books.ts';
import type { Account } from '../books/rows.ts';
import { momentText } from '../database/moment.ts';
import { formatAmount } from '../money/amount.ts';
import type { AccountView } from '../reads/accounts.ts';
import type { Changes, Replacement } from './cache.ts';
import * as kinds from './kinds.ts';

/**
 * The changes of a committed batch, as the cache knows them. Accounts come with their new values, since a batch has all of an
 * account; it has only those fields of an order that its rules look at, so the order and the lists that it stands in
 * are removed. An account that was only opened is removed too: the cache may have noted that it is
 * missing, which has version 0 as it has, and only what is newer replaces an entry.
 */
export function changesOf({ accounts, orders, trades, now }: Books): Changes {
  const removed = new Set<string>();
  for (const { id, userId } of orders.changed.values()) {
    for (const key of [id, { userId, id }]) removed.add(kinds.orders.keyOf(key));
    for (const list of USER_ORDERS) removed.add(list.keyOf(userId));
  }
  for (const { userId, orderId } of trades) {
    removed.add(kinds.trades.keyOf({ userId, id: orderId }));
  }
  const replaced: Replacement[] = [];
  for (const account of accounts.changed.values()) {
    const key = kinds.accounts.keyOf(account);
    const { version } = account;
    if (version === 0) removed.add(key);
    else replaced.push({ key, version, value: () => viewOf(account, momentText(now)) });
  }
  return { replaced, removed: [...removed] };
}

/** The same, where it is not known whether it was committed. */
export function doubtfulChangesOf(books: Books): Changes {
  const { replaced, removed } = changesOf(books);
  return { replaced: [], removed: [...replaced.map(({ key }) => key), ...removed] };
}

const USER_ORDERS = [kinds.userOrders('all', 1), kinds.userOrders('open', 1)];

function viewOf(account: Account, updatedAt: string): AccountView {
  const { userId, currency, scale, available, locked, version } = account;
  return {
    userId,
    currency,
    available: formatAmount(available, scale),
    locked: formatAmount(locked, scale),
    balance: formatAmount(available + locked, scale),
    version,
    updatedAt,
  };
}
