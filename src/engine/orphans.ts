import type { BrokenRows } from '../books/broken.ts';
import { keyOf } from '../books/rows.ts';
import type { RowKeys } from '../commands/rowKeys.ts';
import type { Session } from '../database/database.ts';
import { findOrphans } from './postgres/orphans.ts';

interface Orphan {
  readonly touched: 'transactions' | 'trades' | 'accounts' | 'ordersWithHolds';
  readonly user_id: string;
  readonly id: string;
  readonly problem: string;
  readonly row: string;
}

/**
 * Finds rows that the batch would insert and that exist without their operation. The books have to be loaded after this, so
 * that a row which another batch has inserted meanwhile is loaded with its operation.
 */
export async function readOrphans(session: Session, keys: RowKeys): Promise<readonly Orphan[]> {
  return session.query<Orphan>(findOrphans, findOrphans.valuesOf(keys));
}

export function noteOrphans(broken: BrokenRows, orphans: readonly Orphan[]): void {
  for (const { touched, user_id, id, problem, row } of orphans) {
    broken.note(touched, keyOf(user_id, id), problem, row);
  }
}
