import type { Books } from '../../books/books.ts';
import type { Account } from '../../books/rows.ts';
import { momentText } from '../../database/sql/moment.ts';
import { formatAmount } from '../../money/amount.ts';
import type { AccountView } from '../../reads/accounts.ts';
import type { Changes, Replacement } from './cache.ts';
import * as kinds from '../kinds.ts';

/**
 * The changes of a committed batch, as the cache needs them. An account comes with its new value, since a batch loads whole
 * accounts. A batch loads only the fields of an order that its rules use, so the order and the lists that contain it
 * are removed. An account that was only opened is removed too: it has version 0, and so has a cached entry that says it is
 * missing, which only a higher version would replace.
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

/** The changes of a batch of which it is unknown whether it was committed: all of them are removed. */
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
