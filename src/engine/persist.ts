import type { Books } from '../books/books.ts';
import { OUTSIDE } from '../books/funds.ts';
import { inOrder, type Account, type Hold, type NewOrder } from '../books/rows.ts';
import type { KeyList, Keys } from '../commands/keys.ts';
import type { Session } from '../database/database.ts';
import { hintsOf, planned, shiftParameters, type Part, type Statement } from '../database/statement.ts';
import type { PlacedBooks } from './load.ts';
import type { Changed, Placed } from './postgres/tables.ts';
import type { ChangedOrder, Sent, TableWrite } from './postgres/writes.ts';
import * as tables from './postgres/writes.ts';

/**
 * The second half of a batch: all that it decided, in one statement, which is one transaction by itself. Each
 * part writes one table, see `postgres/writes.ts`. A part that is guarded writes only over the version that
 * the decision was made from; when any row has moved on, the statement divides by zero and nothing is written.
 */
interface Write extends Part {
  readonly name: string;
  /** In the name of the whole statement. */
  readonly letter: string;
  /** How many rows it has to write; otherwise the guard is lost. */
  readonly guarded?: number;
}

/** One row of somebody else's that is written with a batch: where it is not there to be written, the batch is not either. */
export interface Alongside extends Part {
  readonly name: string;
}

/**
 * Writes what a batch changed; nothing where it changed nothing and has nothing alongside.
 *
 * @throws PincexError; `failureOf` tells a lost guard, and a batch that is superseded, from the rest
 */
export async function persist(
  session: Session,
  keys: Keys,
  loaded: PlacedBooks,
  books: Books,
  batch: Sent,
  alongside?: Alongside,
): Promise<void> {
  const writes = writesOf(keys, loaded, books, batch);
  if (writes.length === 0 && alongside === undefined) return;
  await session.query(...inOneStatement(writes, alongside));
}

/**
 * `WITH a AS (…), b AS (…) SELECT` what fails when a guard was lost, and then what fails when the row alongside is not
 * there to be written: of less than nothing there is no root. That row comes last, so that it is not held while others are
 * waited for: parts are run where they are counted, and those that nothing counts behind all others.
 */
function inOneStatement(writes: readonly Write[], alongside?: Alongside): [Statement, (string | null)[]] {
  const values: (string | null)[] = [];
  const guards: string[] = [];
  const inserted = ['0'];
  const partOf = (name: string, { text, values: own }: Part): string => {
    const part = `${name} AS (${shiftParameters(text, values.length)})`;
    values.push(...own);
    return part;
  };
  const parts = writes.map((write) => {
    const { name, guarded } = write;
    const isCounted = guarded === undefined && alongside !== undefined;
    const part = partOf(name, isCounted ? { ...write, text: `${write.text}\n  RETURNING 1` } : write);
    if (isCounted) inserted.push(`(SELECT count(*) FROM ${name})`);
    if (guarded !== undefined) {
      values.push(String(guarded));
      guards.push(`(SELECT count(*) FROM ${name}) = $${values.length}::bigint`);
    }
    return part;
  });
  const checks = [`1 / (${guards.length === 0 ? 'true' : guards.join(' AND ')})::int AS guard_held`];
  if (alongside !== undefined) {
    parts.push(partOf('alongside', alongside));
    checks.push(`${inserted.join(' + ')} AS inserted`);
    checks.push('sqrt((SELECT count(*) FROM alongside)::float8 - 1) AS alongside_held');
  }
  const letters = writes.map(({ letter }) => letter).join('');
  return [
    {
      name: `persist:${letters}${alongside === undefined ? '' : `+${alongside.name}`}`,
      text: `WITH ${parts.join(',\n')}\nSELECT ${checks.join(', ')}`,
      hints: hintsOf(alongside === undefined ? writes : [...writes, alongside]),
    },
    values,
  ];
}

/** All that a batch can write: PostgreSQL plans each of these by itself, whichever others stand beside it. */
export const [persistAll] = inOneStatement(
  tables.writes.map(({ isGuarded, ...write }) => ({
    ...write,
    ...planned(write),
    ...(isGuarded === true && { guarded: 0 }),
  })),
);

/** What the books changed, as parts of the statement: of each table what it has rows for. */
function writesOf(keys: Keys, loaded: PlacedBooks, books: Books, batch: Sent): Write[] {
  const { journal, trades, transactions, operations, now } = books;
  const parts: Write[] = [];
  const write = <Row>(table: TableWrite<Row>, rows: readonly Row[]): void => {
    if (rows.length === 0) return;
    const { name, letter, text, hints = [], isGuarded } = table;
    const values = table.valuesOf({ rows, batch, now });
    parts.push({ name, letter, text, hints, values, ...(isGuarded === true && { guarded: rows.length }) });
  };
  const accounts = accountChanges(keys, loaded, books);
  write(tables.updateAccounts, accounts.changed);
  write(tables.insertAccounts, accounts.made);
  write(
    tables.insertBeginnings,
    accounts.made.filter(({ userId }) => userId === OUTSIDE),
  );
  write(tables.insertJournal, journal);
  const orders = orderChanges(keys, loaded, books);
  write(tables.updateOrders, orders.changed);
  write(tables.insertOrders, orders.made);
  const holds = holdChanges(keys, loaded, books);
  write(tables.insertHolds, holds.made);
  write(tables.updateHolds, holds.changed);
  write(tables.deleteHolds, holds.gone);
  write(tables.insertTrades, trades);
  write(tables.insertTransactions, transactions);
  write(tables.insertOperations, changedInOrder(operations.changed, keys.operations));
  return parts;
}

function accountChanges(keys: Keys, loaded: PlacedBooks, books: Books) {
  const made: Account[] = [];
  const changed: Changed<Account>[] = [];
  for (const account of changedInOrder(books.accounts.changed, keys.accounts)) {
    const read = loaded.accounts.get(account.key);
    if (read === undefined) made.push(account);
    else changed.push({ row: account, place: read.place, readVersion: read.version });
  }
  return { made, changed };
}

function holdChanges(keys: Keys, loaded: PlacedBooks, books: Books) {
  const made: Hold[] = [];
  const changed: Placed<Hold>[] = [];
  const gone: Placed<Hold>[] = [];
  for (const hold of changedInOrder(books.holds.changed, keys.holds)) {
    const place = loaded.holds.get(hold.key)?.place;
    if (place !== undefined) (hold.amount > 0n ? changed : gone).push({ ...hold, place });
    else if (hold.amount > 0n) made.push(hold);
  }
  return { made, changed, gone };
}

function orderChanges(keys: Keys, loaded: PlacedBooks, books: Books) {
  const made: NewOrder[] = [];
  const changed: ChangedOrder[] = [];
  for (const row of changedInOrder(books.orders.changed, keys.orders)) {
    const order = books.newOrders.get(row.key);
    if (order !== undefined) made.push({ ...order, row });
    else {
      const read = loaded.orders.get(row.key);
      if (read === undefined) throw new RangeError(`Order ${row.id} changed and was not read`);
      const { place, version: readVersion } = read;
      changed.push({ row, changedAt: row.changedAt ?? books.now, place, readVersion });
    }
  }
  return { made, changed };
}

/** What changed, in the one order: that of the keys, unless some rows were found by way of an order. */
function changedInOrder<Row extends { readonly key: string }>(
  changed: ReadonlyMap<string, Row>,
  keys: KeyList<{ readonly key: string }>,
): Row[] {
  const rows: Row[] = [];
  for (const { key } of keys.inOrder()) {
    const row = changed.get(key);
    if (row !== undefined) rows.push(row);
  }
  return rows.length === changed.size ? rows : inOrder(changed);
}
