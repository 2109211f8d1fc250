import { hash } from 'node:crypto';
import type { Books } from '../books/books.ts';
import { OUTSIDE } from '../books/funds.ts';
import { inOrder, type Account, type Hold, type NewOrder } from '../books/rows.ts';
import type { KeyList, RowKeys } from '../commands/rowKeys.ts';
import type { Session } from '../database/database.ts';
import { hintsOf, planned, shiftParameters, type Part, type Statement } from '../database/statement.ts';
import type { PlacedBooks } from './load.ts';
import type { Changed, Placed } from './postgres/tables.ts';
import type { ChangedOrder, BatchIdentity, TableWrite } from './postgres/writes.ts';
import * as tables from './postgres/writes.ts';
import type { WritePart } from './write.ts';

/**
 * The second half of a batch: writes its decision in one statement, which is one transaction by itself. Each part writes one
 * table, see `postgres/writes.ts`. A guarded part writes only over the versions that the decision was made from: if any row
 * has changed since, the statement divides by zero and nothing is written.
 */
interface TablePart extends Part {
  readonly name: string;
  /** Stands for the part in the name of the whole statement. */
  readonly letter: string;
  /** The number of rows that the part has to write; if it writes fewer, the guard is lost. */
  readonly guarded?: number;
}

/**
 * Writes the changes of a batch, and the parts of `writeWith`. Without either, no statement is sent.
 *
 * @returns how many rows it wrote, without those of `writeWith`
 * @throws PincexError; `failureOf` tells a lost guard and a superseded batch from other failures
 */
export async function persist(
  session: Session,
  keys: RowKeys,
  loaded: PlacedBooks,
  books: Books,
  batch: BatchIdentity,
  writeWith: readonly WritePart[] = [],
): Promise<number> {
  const { writes, rows } = writesOf(keys, loaded, books, batch);
  if (writes.length > 0 || writeWith.length > 0) await session.query(...inOneStatement(writes, writeWith));
  return rows;
}

/**
 * Makes `WITH a AS (…), b AS (…) SELECT`, followed by checks. The first check divides by zero if a guard was lost. For each
 * part of `writeWith`, `sqrt(count - 1)` fails with SQLSTATE 2201F if the part wrote no row: `failureOf` reads that as
 * superseded.
 *
 * PostgreSQL runs a part when a check counts its rows, and parts that no check counts after all others. The checks count the
 * parts of `writeWith` last, so that these run last, in their order, and their rows are not locked while the statement waits
 * for others.
 */
function inOneStatement(
  writes: readonly TablePart[],
  writeWith: readonly WritePart[] = [],
): [Statement, (string | null)[]] {
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
    const isCounted = guarded === undefined && writeWith.length > 0;
    const part = partOf(name, isCounted ? { ...write, text: `${write.text}\n  RETURNING 1` } : write);
    if (isCounted) inserted.push(`(SELECT count(*) FROM ${name})`);
    if (guarded !== undefined) {
      values.push(String(guarded));
      guards.push(`(SELECT count(*) FROM ${name}) = $${values.length}::bigint`);
    }
    return part;
  });
  const checks = [`1 / (${guards.length === 0 ? 'true' : guards.join(' AND ')})::int AS guard_held`];
  if (writeWith.length > 0) checks.push(`${inserted.join(' + ')} AS inserted`);
  for (const [index, part] of writeWith.entries()) {
    const name = `with_${index + 1}`;
    parts.push(partOf(name, part));
    checks.push(`sqrt((SELECT count(*) FROM ${name})::float8 - 1) AS ${name}_held`);
  }
  return [
    {
      name: nameOf(writes, writeWith),
      text: `WITH ${parts.join(',\n')}\nSELECT ${checks.join(', ')}`,
      hints: hintsOf([...writes, ...writeWith]),
    },
    values,
  ];
}

/** PostgreSQL truncates longer names: two statements could then share one. */
const LONGEST_NAME = 63;

function nameOf(writes: readonly TablePart[], writeWith: readonly WritePart[]): string {
  const letters = writes.map(({ letter }) => letter).join('');
  const name = `persist:${[letters, ...writeWith.map((part) => part.name)].join('+')}`;
  if (name.length <= LONGEST_NAME) return name;
  return `persist:${letters}+${hash('sha256', name, 'base64url').slice(0, 22)}`;
}

/** The statement with every part. PostgreSQL plans each part by itself, whatever other parts the statement has. */
export const [persistAll] = inOneStatement(
  tables.writes.map(({ isGuarded, ...write }) => ({
    ...write,
    ...planned(write),
    ...(isGuarded === true && { guarded: 0 }),
  })),
);

/** The changes of the books as parts of the statement: one for each table that has rows to write, and the number of rows. */
function writesOf(keys: RowKeys, loaded: PlacedBooks, books: Books, batch: BatchIdentity) {
  const { journal, trades, transactions, operations, now } = books;
  const writes: TablePart[] = [];
  let written = 0;
  const write = <Row>(table: TableWrite<Row>, rows: readonly Row[]): void => {
    if (rows.length === 0) return;
    const { name, letter, text, hints = [], isGuarded } = table;
    const values = table.valuesOf({ rows, batch, now });
    writes.push({ name, letter, text, hints, values, ...(isGuarded === true && { guarded: rows.length }) });
    written += rows.length;
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
  write(tables.deleteHolds, holds.deleted);
  write(tables.insertTrades, trades);
  write(tables.insertTransactions, transactions);
  write(tables.insertOperations, changedInOrder(operations.changed, keys.operations));
  return { writes, rows: written };
}

function accountChanges(keys: RowKeys, loaded: PlacedBooks, books: Books) {
  const made: Account[] = [];
  const changed: Changed<Account>[] = [];
  for (const account of changedInOrder(books.accounts.changed, keys.accounts)) {
    const read = loaded.accounts.get(account.key);
    if (read === undefined) made.push(account);
    else changed.push({ row: account, place: read.place, readVersion: read.version });
  }
  return { made, changed };
}

function holdChanges(keys: RowKeys, loaded: PlacedBooks, books: Books) {
  const made: Hold[] = [];
  const changed: Placed<Hold>[] = [];
  const deleted: Placed<Hold>[] = [];
  for (const hold of changedInOrder(books.holds.changed, keys.holds)) {
    const place = loaded.holds.get(hold.key)?.place;
    if (place !== undefined) (hold.amount > 0n ? changed : deleted).push({ ...hold, place });
    else if (hold.amount > 0n) made.push(hold);
  }
  return { made, changed, deleted };
}

function orderChanges(keys: RowKeys, loaded: PlacedBooks, books: Books) {
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

/**
 * The changed rows in the order of the keys. Rows that were found through an order are not among the keys; then all are
 * sorted.
 */
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
