import type { LoadedBooks } from '../books/books.ts';
import { BrokenRows, nameOf, type Touched } from '../books/broken.ts';
import { noteMisheld, noteUncovered } from '../books/brokenHolds.ts';
import { accountId, holdId, type Account, type Hold, type Operation, type OrderRow } from '../books/rows.ts';
import { CatalogBehind, currencyOf, type Catalog } from '../catalog/catalog.ts';
import type { Keys } from '../commands/keys.ts';
import type { Session } from '../database/database.ts';
import { hintsOf, planned, shiftParameters, type Part, type Statement } from '../database/statement.ts';
import * as tables from './postgres/reads.ts';
import { text, toAccount, toHold, toOperation, toOrder, type JsonRow } from './postgres/rows.ts';
import type { Placed } from './postgres/tables.ts';

/**
 * The first half of a batch: everything it touches, in one statement and so in one snapshot. That snapshot is
 * why the version of an account guards its holds too: a hold never changes without its account.
 */

/** One table's share of the statement: what to ask, and what to do with the rows. */
interface Reading extends NamedPart {
  readonly take: (rows: readonly JsonRow[]) => void;
}
interface NamedPart {
  readonly name: string;
  readonly part: Part;
}

/** All that a batch can read: PostgreSQL plans each of these by itself, whichever others stand beside it. */
export const [loadAll] = inOneStatement(
  tables.reads.map((read) => ({ name: read.name, part: planned(read) })),
);

/** What was read, and where it stood. */
export interface PlacedBooks extends LoadedBooks {
  readonly accounts: ReadonlyMap<string, Placed<Account>>;
  readonly holds: ReadonlyMap<string, Placed<Hold>>;
  readonly orders: ReadonlyMap<string, Placed<OrderRow>>;
  readonly broken: BrokenRows;
  /** Set where a row is of a currency or market that the catalog does not have; that row is among the broken ones. */
  readonly behind: CatalogBehind | undefined;
}

/** Reads every row that the keys name. */
export async function load(session: Session, keys: Keys, catalog: Catalog): Promise<PlacedBooks> {
  const broken = new BrokenRows();
  let behind: CatalogBehind | undefined;
  /** Takes a row in, or notes why nobody can. */
  const take = (
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
      take('accounts', account, () => accounts.set(account.key, toAccount(account, row, at.account)));
    }),
    ...reading(readHolds, keys.holds.inOrder(), (hold, row) => {
      take('holds', hold, () => holds.set(hold.key, toHold(hold, row, readHolds.at.hold)));
    }),
    ...reading(readOrders, keys.orders.inOrder(), (order, row) => {
      take('orders', order, () => orders.set(order.key, toOrder(order, row, catalog)));
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
      take('ordersWithHolds', order, readHold, () => `hold ${userId} ${id} ${code}`);
      if (row[at.account.place] === null) return;
      take('ordersWithHolds', order, readAccount, () => `account ${userId} ${code}`);
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

/** Asks a table for these keys, where there are any, and takes each row with the key that it answers. */
function reading<Key>(
  { name, text, hints, at, valuesOf }: tables.TableRead<Key>,
  keys: readonly Key[],
  takeRow: (key: Key, row: JsonRow) => void,
): Reading[] {
  if (keys.length === 0) return [];
  const take = (rows: readonly JsonRow[]): void => {
    for (const row of rows) takeRow(keyAt(keys, row[at.key.n]), row);
  };
  return [{ name, part: { text, hints, values: valuesOf(keys) }, take }];
}

/** Asks all tables at once: one round trip, one snapshot, one row of JSON. */
async function runReadings(session: Session, readings: readonly Reading[]): Promise<void> {
  if (readings.length === 0) return;
  const [row] = await session.query<Record<string, string | null>>(...inOneStatement(readings));
  for (const reading of readings) {
    const json = row?.[reading.name];
    if (json != null) reading.take(JSON.parse(json) as JsonRow[]);
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

/** The key that stands at place `n`, counted from 1 as PostgreSQL does. */
function keyAt<Key>(keys: readonly Key[], n: JsonRow[number] | undefined): Key {
  const key = keys[Number(n) - 1];
  if (key === undefined) throw new RangeError(`PostgreSQL answered for key ${String(n)} of ${keys.length}`);
  return key;
}
