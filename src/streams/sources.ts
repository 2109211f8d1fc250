import type { Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';
import { limits } from '../limits.ts';
import { ACCOUNT_COLUMNS, toAccountView, type AccountRow, type AccountView } from '../reads/accounts.ts';
import {
  JOURNAL_COLUMNS,
  toJournalEntryView,
  type JournalEntryView,
  type JournalRow,
} from '../reads/journal.ts';
import {
  OPERATION_COLUMNS,
  toOperationView,
  type OperationRow,
  type OperationView,
} from '../reads/operations.ts';
import { orderWith, toOrderView, type OrderViewRow, type OrderView } from '../reads/orders.ts';
import { TRADE_COLUMNS, toTradeView, type TradeViewRow, type TradeView } from '../reads/trades.ts';
import type { CursorKey } from '../reads/cursor.ts';

/** The tables that can be read as a whole. */
export type StreamedTable = 'accounts' | 'orders' | 'trades' | 'journal' | 'operations';

/** A table as a stream reads it: page by page, in the order of its primary key. */
export interface Source<View> {
  /** The name in cursors and messages. */
  readonly name: StreamedTable;
  /** A key below every key that exists: ids are not empty, and versions count from 1. */
  readonly bottom: CursorKey;
  readonly keyOf: (view: View) => CursorKey;
  /** The statement of a page. */
  readonly page: Statement;
  /** The next page behind a key; the last page is shorter than the others. */
  readonly readPage: (session: Session, after: CursorKey) => Promise<View[]>;
}

interface Table<Row, View> {
  readonly name: StreamedTable;
  readonly from: string;
  readonly columns: string;
  readonly key: readonly string[];
  readonly bottom: CursorKey;
  readonly rowMode?: Statement['rowMode'];
  readonly toView: (row: Row) => View;
  readonly keyOf: (view: View) => CursorKey;
}

/**
 * A page is one range scan of the primary key, which begins where the last page ended. The millionth page therefore costs as
 * much as the first, and no transaction is open between pages. The limit is a literal in the text, so that the planner knows
 * how few rows are asked for.
 */
function source<Row, View>(table: Table<Row, View>): Source<View> {
  const { name, from, columns, key, bottom, rowMode, toView, keyOf } = table;
  const page: Statement = {
    name: `stream-${name}`,
    hints: [`IndexScan(${from.split(' ').at(-1) ?? ''} ${name}_pkey)`],
    ...(rowMode && { rowMode }),
    text: `
    SELECT ${columns}
    FROM ${from}
    WHERE (${key.join(', ')}) > (${key.map((_, n) => `$${n + 1}`).join(', ')})
    ORDER BY ${key.join(', ')}
    LIMIT ${limits.streams.rows}`,
  };
  return {
    name,
    bottom,
    keyOf,
    page,
    readPage: async (session, after) =>
      (await session.query<Row>(page, after.map(String))).map((row) => toView(row)),
  };
}

export const accounts = source<AccountRow & { user_id: string; currency: string }, AccountView>({
  name: 'accounts',
  from: 'accounts a',
  columns: `a.user_id, a.currency, ${ACCOUNT_COLUMNS}`,
  key: ['a.user_id', 'a.currency'],
  bottom: ['', ''],
  toView: (row) => toAccountView(row, row.user_id, row.currency),
  keyOf: ({ userId, currency }) => [userId, currency],
});

const streamedOrder = orderWith({ user_id: 'o.user_id' });

export const orders = source<OrderViewRow, OrderView>({
  name: 'orders',
  from: 'orders o',
  columns: streamedOrder.list,
  key: ['o.user_id', 'o.id'],
  bottom: ['', ''],
  rowMode: 'array',
  toView: (row) => toOrderView(row, row[streamedOrder.at.own.user_id] ?? ''),
  keyOf: ({ userId, id }) => [userId, id],
});

export const trades = source<TradeViewRow & { order_id: string }, TradeView>({
  name: 'trades',
  from: 'trades t',
  columns: `t.order_id,${TRADE_COLUMNS}`,
  key: ['t.user_id', 't.id', 't.side'],
  bottom: ['', '', ''],
  toView: (row) => toTradeView(row, row.order_id),
  keyOf: ({ userId, id, side }) => [userId, id, side],
});

export const journal = source<JournalRow, JournalEntryView>({
  name: 'journal',
  from: 'journal j',
  columns: JOURNAL_COLUMNS,
  key: ['j.user_id', 'j.currency', 'j.version'],
  bottom: ['', '', 0],
  toView: toJournalEntryView,
  keyOf: ({ userId, currency, version }) => [userId, currency, version],
});

export const operations = source<OperationRow, OperationView>({
  name: 'operations',
  from: 'operations o',
  columns: OPERATION_COLUMNS,
  key: ['o.user_id', 'o.kind', 'o.id'],
  bottom: ['', '', ''],
  toView: toOperationView,
  keyOf: ({ userId, kind, id }) => [userId, kind, id],
});
