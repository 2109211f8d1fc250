import { assignments, moment, names, rows, sql, within } from '../../database/sql/columns.ts';
import type { Columns, Parameter, RowSource, Template } from '../../database/sql/columns.ts';
import { momentText, type Moment } from '../../database/sql/moment.ts';
import type { Account, AccountId, Hold, HoldId, NewOrder, OrderRow } from '../../books/rows.ts';
import {
  accounts,
  beginnings,
  holds,
  journal,
  operations,
  orders,
  place,
  readVersion,
  trades,
  transactions,
  type Changed,
  type Placed,
} from './tables.ts';

/**
 * A write of a batch: it writes one table, and is one part of the statement of the batch.
 *
 * An update goes to the place (`ctid`) at which the row was read, so no index is searched a second time. If the row is no
 * longer there (it changed, was deleted, or VACUUM FULL rewrote the table), the guard is lost. Another row may be in that
 * place by then, so the key is compared too: by IS NOT DISTINCT FROM, which no index can serve.
 */
export interface TableWrite<Row> extends Template<Writing<Row>> {
  readonly name: string;
  /** Stands for the part in the name of the whole statement, which has at most 63 characters. */
  readonly letter: string;
  /** Whether the part has to write every row; if it writes fewer, the guard is lost. */
  readonly isGuarded?: boolean;
  readonly hints?: readonly string[];
}

/** The input of a part. */
export interface Writing<Row> extends WriteContext {
  readonly rows: readonly Row[];
}

interface WriteContext {
  readonly batch: BatchIdentity;
  readonly now: Moment;
}

/** The id and the actor of a batch, as its operations store them. */
export interface BatchIdentity {
  readonly id: string;
  /** The sender that the caller named; `null` if it named none. */
  readonly actor: string | null;
}

const now: Parameter<WriteContext> = { type: 'timestamptz', valueOf: (given) => momentText(given.now) };
const batchId: Parameter<WriteContext> = { type: 'uuid', valueOf: ({ batch }) => batch.id };
const actor: Parameter<WriteContext> = { type: 'text', valueOf: ({ batch }) => batch.actor };

const each = <Row>(columns: Columns<Row>, alias?: string): RowSource<Writing<Row>> =>
  rows(columns, (given) => given.rows, alias);

const rowOf = <Row>({ row }: Changed<Row>): Row => row;

/** `a.user_id IS NOT DISTINCT FROM new.user_id AND …`: whether the row at the place still has the same key. */
const isSame = (alias: string, key: Columns<never>, other = 'new'): string =>
  Object.keys(key)
    .map((name) => `${alias}.${name} IS NOT DISTINCT FROM ${other}.${name}`)
    .join('\n    AND ');

const newAccounts = { ...accounts.key, ...accounts.state };

export const insertAccounts = {
  name: 'insert_accounts',
  letter: 'A',
  ...sql`
  INSERT INTO accounts (${names(newAccounts)}, created_at, updated_at)
  SELECT *, ${now}, ${now}
  FROM ${each(newAccounts)}`,
};

export const updateAccounts = {
  name: 'update_accounts',
  letter: 'a',
  isGuarded: true,
  hints: ['TidScan(a)', 'Rows(new a #100)'],
  ...sql`
  UPDATE accounts a
  SET ${assignments(accounts.state)}, updated_at = ${now}
  FROM ${each<Changed<Account>>({ ...within(newAccounts, rowOf<Account>), ...readVersion, ...place })}
  WHERE a.ctid = new.place AND a.version = new.read_version
    AND ${isSame('a', accounts.key)}
  RETURNING 1`,
};

/** Marks that the books have begun. If an account of `@outside` was deleted and is inserted again, the mark exists already. */
export const insertBeginnings = {
  name: 'insert_beginnings',
  letter: 'B',
  ...sql`
  INSERT INTO beginnings (${names(beginnings)}, began_at)
  SELECT *, ${now}
  FROM ${each<AccountId>(beginnings)}
  ON CONFLICT DO NOTHING`,
};

export const insertJournal = {
  name: 'insert_journal',
  letter: 'J',
  ...sql`
  INSERT INTO journal (${names(journal)})
  SELECT *
  FROM ${each(journal)}`,
};

const newHolds = { ...holds.key, ...holds.state };

export const insertHolds = {
  name: 'insert_holds',
  letter: 'H',
  ...sql`
  INSERT INTO holds (${names(newHolds)}, created_at)
  SELECT *, ${now}
  FROM ${each(newHolds)}`,
};

// A hold has no version of its own. Its account is written in the same statement, and the version of that guards it.
export const updateHolds = {
  name: 'update_holds',
  letter: 'h',
  isGuarded: true,
  hints: ['TidScan(h)', 'Rows(new h #100)'],
  ...sql`
  UPDATE holds h
  SET ${assignments(holds.state)}
  FROM ${each<Placed<Hold>>({ ...newHolds, ...place })}
  WHERE h.ctid = new.place
    AND ${isSame('h', holds.key)}
  RETURNING 1`,
};

export const deleteHolds = {
  name: 'delete_holds',
  letter: 'd',
  isGuarded: true,
  hints: ['TidScan(h)', 'Rows(gone h #100)'],
  ...sql`
  DELETE FROM holds h
  USING ${each<Placed<HoldId>>({ ...holds.key, ...place }, 'gone')}
  WHERE h.ctid = gone.place
    AND ${isSame('h', holds.key, 'gone')}
  RETURNING 1`,
};

const newOrders: Columns<NewOrder> = {
  ...within({ ...orders.key, ...orders.fixed, ...orders.state }, (order: NewOrder) => order.row),
  ...orders.terms,
};

export const insertOrders = {
  name: 'insert_orders',
  letter: 'O',
  ...sql`
  INSERT INTO orders (${names(newOrders)}, updated_at)
  SELECT *, created_at
  FROM ${each(newOrders)}`,
};

/** An order that changed, and the time of the change. */
export interface ChangedOrder extends Changed<OrderRow> {
  readonly changedAt: Moment;
}

const orderChanges = {
  ...within({ ...orders.key, ...orders.state }, rowOf<OrderRow>),
  ...readVersion,
  ...place,
  changed_at: moment((order) => order.changedAt),
} satisfies Columns<ChangedOrder>;

export const updateOrders = {
  name: 'update_orders',
  letter: 'o',
  isGuarded: true,
  hints: ['TidScan(o)', 'Rows(new o #100)'],
  ...sql`
  UPDATE orders o
  SET ${assignments(orders.state)}, updated_at = new.changed_at,
    opened_at = CASE WHEN o.status = 'pending' AND new.status = 'open' THEN new.changed_at ELSE o.opened_at END
  FROM ${each<ChangedOrder>(orderChanges)}
  WHERE o.ctid = new.place AND o.version = new.read_version
    AND ${isSame('o', orders.key)}
  RETURNING 1`,
};

export const insertTrades = {
  name: 'insert_trades',
  letter: 'T',
  ...sql`
  INSERT INTO trades (${names(trades)})
  SELECT *
  FROM ${each(trades)}`,
};

export const insertTransactions = {
  name: 'insert_transactions',
  letter: 'X',
  ...sql`
  INSERT INTO transactions (${names(transactions)}, status)
  SELECT *, 'completed'
  FROM ${each(transactions)}`,
};

const newOperations = { ...operations.key, ...operations.fixed, ...operations.terms };

export const insertOperations = {
  name: 'insert_operations',
  letter: 'P',
  ...sql`
  INSERT INTO operations (${names(newOperations)}, batch_id, actor, created_at)
  SELECT *, ${batchId}, ${actor}, ${now}
  FROM ${each(newOperations)}`,
};

/** Every write that a batch may have, in the order of their parts in the statement. */
export const writes: readonly TableWrite<never>[] = [
  updateAccounts,
  insertAccounts,
  insertBeginnings,
  insertJournal,
  updateOrders,
  insertOrders,
  insertHolds,
  updateHolds,
  deleteHolds,
  insertTrades,
  insertTransactions,
  insertOperations,
];
