import { keyOf } from '../books/rows.ts';
import type { RowKeys } from '../commands/rowKeys.ts';
import type { Session } from '../database/database.ts';
import { MissedLock } from '../database/failures.ts';
import type { PlacedBooks } from './load.ts';
import { lockAccounts, lockOrders } from './postgres/locks.ts';

/** The keys of the rows that are locked. */
interface Locked {
  readonly accounts: ReadonlySet<string>;
  readonly orders: ReadonlySet<string>;
}

export async function lockRows(session: Session, keys: RowKeys): Promise<Locked> {
  const lock = async (statement: typeof lockAccounts): Promise<ReadonlySet<string>> => {
    const rows = await session.query<{ user_id: string; id: string }>(statement, statement.valuesOf(keys));
    return new Set(rows.map((row) => keyOf(row.user_id, row.id)));
  };
  const none: ReadonlySet<string> = new Set();
  const { accounts, orders, ordersWithHolds } = keys;
  return {
    accounts: accounts.size > 0 || ordersWithHolds.size > 0 ? await lock(lockAccounts) : none,
    orders: orders.size > 0 ? await lock(lockOrders) : none,
  };
}

/**
 * Fails if a row was loaded that the lock statements did not find, since it was inserted after them: an order, an account, or
 * a hold that leads to an account. Writing such a row would lock it out of order. The attempt is rolled back, which releases
 * its locks, and the batch is tried again.
 *
 * @throws MissedLock
 */
export function requireLocked(locked: Locked, loaded: PlacedBooks): void {
  for (const table of ['accounts', 'orders'] as const) {
    for (const key of loaded[table].keys()) if (!locked[table].has(key)) throw new MissedLock();
  }
}
