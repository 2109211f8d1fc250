import type { BrokenRows } from '../books/broken.ts';
import { keyOf } from '../books/rows.ts';
import type { Keys } from '../commands/keys.ts';
import type { Session } from '../database/database.ts';
import { findOrphans } from './postgres/orphans.ts';

interface Orphan {
  readonly touched: 'transactions' | 'trades' | 'accounts' | 'ordersWithHolds';
  readonly user_id: string;
  readonly id: string;
  readonly problem: string;
  readonly row: string;
}

/** Finds them. The books have to be loaded after it. */
export async function readOrphans(session: Session, keys: Keys): Promise<readonly Orphan[]> {
  return session.query<Orphan>(findOrphans, findOrphans.valuesOf(keys));
}

export function noteOrphans(broken: BrokenRows, orphans: readonly Orphan[]): void {
  for (const { touched, user_id, id, problem, row } of orphans) {
    broken.note(touched, keyOf(user_id, id), problem, row);
  }
}
