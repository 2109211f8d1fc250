import type { LoadedBooks } from '../books/books.ts';
import { BrokenRows, nameOf, type Touched } from '../books/broken.ts';
import { noteMisheld, noteUncovered } from '../books/brokenHolds.ts';
import { accountId, holdId, type Account, type Hold, type Operation, type OrderRow } from '../books/rows.ts';
import { CatalogBehind, currencyOf, type Catalog } from '../catalog/catalog.ts';
import type { RowKeys } from '../commands/rowKeys.ts';
import type { Session } from '../database/database.ts';
import { hintsOf, planned, shiftParameters, type Part, type Statement } from '../database/statement.ts';
import * as tables from './postgres/reads.ts';
import { text, toAccount, toHold, toOperation, toOrder, type JsonRow } from './postgres/rows.ts';
import type { Placed } from './postgres/tables.ts';

/**
 * The first half of a batch: reads all rows that it touches in one statement, and so in one snapshot. Because of that
 * snapshot the version of an account guards its holds too: a hold never changes without its account.
 */

/** The part of the statement that reads one table, and the function that takes its rows. */
interface Reading extends NamedPart {
  readonly takeRows: (rows: readonly JsonRow[]) => void;
}
interface NamedPart {
  readonly name: string;
  readonly part: Part;
}

/** The statement with every part. PostgreSQL plans each part by itself, whatever other parts the statement has. */
export const [loadAll] = inOneStatement(
  tables.reads.map((read) => ({ name: read.name, part: planned(read) })),
);

/** The rows that were read, each with its place (`ctid`). */
export interface PlacedBooks extends LoadedBooks {
  readonly accounts: ReadonlyMap<string, Placed<Account>>;
  readonly holds: ReadonlyMap<string, Placed<Hold>>;
  readonly orders: ReadonlyMap<string, Placed<OrderRow>>;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly broken: BrokenRows;
  /** Set if a row has a currency or market that the catalog lacks; that row is among the broken ones. */
  readonly behind: CatalogBehind | undefined;
}

/** Reads every row that the keys name. */
export async function load(session: Session, keys: RowKeys, catalog: Catalog): Promise<PlacedBooks> {
  const broken = new BrokenRows();
  let behind: CatalogBehind | undefined;
  /** Reads a row, or records it as broken. */
  const readRow = (
    touched: Touched,
    { key }: { readonly key: string },
    read: () => void,
    name = (): string => nameOf(touched, key),
  ): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof CatalogBehind)) throw error;
      if (error instanceof CatalogBehind) behind ??= error;
      broken.note(touched, key, error.message, name());
    }
  };
  const accounts = new Map<string, Placed<Account>>();
  const holds = new Map<string, Placed<Hold>>();
  const orders = new Map<string, Placed<OrderRow>>();
  const operations = new Map<string, Operation>();

  const { readAccounts, readHolds, readOrders, readHoldsOfOrders, readOperations } = tables;
  const readings = [
    ...reading(readAccounts, keys.accounts.inOrder(), (account, row) => {
      const { at } = readAccounts;
      readRow('accounts', account, () => accounts.set(account.key, toAccount(account, row, at.account)));
    }),
    ...reading(readHolds, keys.holds.inOrder(), (hold, row) => {
      readRow('holds', hold, () => holds.set(hold.key, toHold(hold, row, readHolds.at.hold)));
    }),
    ...reading(readOrders, keys.orders.inOrder(), (order, row) => {
      readRow('orders', order, () => orders.set(order.key, toOrder(order, row, catalog)));
    }),
    ...reading(readHoldsOfOrders, keys.ordersWithHolds.inOrder(), (order, row) => {
      const { at } = readHoldsOfOrders;
      const { userId, id } = order;
      const code = text(row[at.key.currency]);
      const readHold = (): void => {
        const hold = holdId(userId, id, currencyOf(catalog, code));
        holds.set(hold.key, toHold(hold, row, at.hold));
      };
      const readAccount = (): void => {
        const account = accountId(userId, currencyOf(catalog, code));
        accounts.set(account.key, toAccount(account, row, at.account));
      };
      readRow('ordersWithHolds', order, readHold, () => `hold ${userId} ${id} ${code}`);
      if (row[at.account.place] === null) return;
      readRow('ordersWithHolds', order, readAccount, () => `account ${userId} ${code}`);
    }),
    ...reading(readOperations, keys.operations.inOrder(), (operation, row) => {
      operations.set(operation.key, toOperation(operation, row));
    }),
  ];

  await runReadings(session, readings);
  noteUncovered(broken, accounts, holds);
  noteMisheld(broken, orders, holds, keys.ordersWithHolds.inOrder());
  return { accounts, holds, orders, operations, broken, behind };
}

/** Reads the rows of these keys from a table. Without keys, the statement has no part for the table. */
function reading<Key>(
  { name, text, hints, at, valuesOf }: tables.TableRead<Key>,
  keys: readonly Key[],
  takeRow: (key: Key, row: JsonRow) => void,
): Reading[] {
  if (keys.length === 0) return [];
  const takeRows = (rows: readonly JsonRow[]): void => {
    for (const row of rows) takeRow(keyAt(keys, row[at.key.n]), row);
  };
  return [{ name, part: { text, hints, values: valuesOf(keys) }, takeRows }];
}

/** Reads all tables at once: one round trip, one snapshot, one row with a JSON column for each table. */
async function runReadings(session: Session, readings: readonly Reading[]): Promise<void> {
  if (readings.length === 0) return;
  const [row] = await session.query<Record<string, string | null>>(...inOneStatement(readings));
  for (const reading of readings) {
    const json = row?.[reading.name];
    if (json != null) reading.takeRows(JSON.parse(json) as JsonRow[]);
  }
}

function inOneStatement(parts: readonly NamedPart[]): [Statement, (string | null)[]] {
  const values: (string | null)[] = [];
  const columns = parts.map(({ name, part }) => {
    const column = `(${shiftParameters(part.text, values.length)}) AS "${name}"`;
    values.push(...part.values);
    return column;
  });
  const name = `load:${parts.map((part) => part.name).join('+')}`;
  const hints = hintsOf(parts.map(({ part }) => part));
  return [{ name, text: `SELECT ${columns.join(',\n')}`, hints }, values];
}

/** The key with the ordinality `n`, which PostgreSQL counts from 1. */
function keyAt<Key>(keys: readonly Key[], n: JsonRow[number] | undefined): Key {
  const key = keys[Number(n) - 1];
  if (key === undefined) throw new RangeError(`PostgreSQL answered for key ${String(n)} of ${keys.length}`);
  return key;
}
