import type { TransactionRow } from '../books/rows.ts';
import type { Session } from '../database/database.ts';
import { isoMoment } from '../database/sql/time.ts';
import { trimDecimal } from '../money/amount.ts';
import {
  beyond,
  inBothDirections,
  rangeOf,
  readPage,
  TOP_TIME,
  type Page,
  type PageOptions,
  type TimeRange,
} from './page.ts';
import { storableKey } from './readArguments.ts';

/** Money that came, went or changed hands, as callers see it. */
export interface TransactionView {
  readonly id: string;
  readonly userId: string;
  readonly type: TransactionRow['type'];
  readonly status: 'pending' | 'completed' | 'failed';
  readonly currency: string;
  /** Decimal string. */
  readonly amount: string;
  /** The user that a transfer went to; else `null`. */
  readonly toUserId: string | null;
  /** The reference of the bank or the chain. */
  readonly reference: string | null;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
}

/** The pages of the transactions that a user made: by the index on the time. */
export const transactionPages = inBothDirections((direction) => {
  const { than, order } = beyond(direction);
  return {
    name: `get-${direction}-transactions`,
    hints: ['IndexScan(x transactions_user)'],
    text: `
    SELECT x.user_id, x.id, x.type, x.status, x.currency, x.amount, x.to_user_id, x.reference, x.created_at
    FROM transactions x
    WHERE x.user_id = $1 AND (x.created_at, x.id) ${than} ($2, $3) AND x.created_at >= $4 AND x.created_at < $5
    ORDER BY x.created_at ${order}, x.id ${order}
    LIMIT $6`,
  };
});

interface Row {
  user_id: string;
  id: string;
  type: TransactionRow['type'];
  status: TransactionView['status'];
  currency: string;
  amount: string;
  to_user_id: string | null;
  reference: string | null;
  created_at: string;
}

const toView = (row: Row): TransactionView => ({
  id: row.id,
  userId: row.user_id,
  type: row.type,
  status: row.status,
  currency: row.currency,
  amount: trimDecimal(row.amount),
  toUserId: row.to_user_id,
  reference: row.reference,
  createdAt: isoMoment(row.created_at),
});

/**
 * A page of the deposits, withdrawals and transfers that a user made, newest first.
 *
 * @throws PincexError `invalid_argument`
 */
export function readTransactionPage(
  session: Session,
  userId: string,
  { from, to, ...options }: TimeRange & PageOptions,
): Promise<Page<TransactionView>> {
  const range = rangeOf({ from, to });
  return readPage(
    {
      name: 'transactions',
      owner: [userId],
      top: [TOP_TIME, ''],
      keyOf: ({ createdAt, id }) => [createdAt, id],
      read: async (direction, key, limit) => {
        const values = [storableKey(userId), ...key.map(String), ...range, String(limit)];
        return (await session.query<Row>(transactionPages[direction], values)).map(toView);
      },
    },
    options,
  );
}
