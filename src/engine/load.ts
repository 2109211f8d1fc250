import type { LoadedBooks } from '../books/books.ts';
import { BrokenRows, nameOf, type Touched } from '../books/broken.ts';
import { noteMisheld, noteUncovered } from '../books/brokenHolds.ts';
import { OUTSIDE } from '../books/funds.ts';
import {
  VALUE_SCALE,
  accountId,
  holdId,
  type Account,
  type AccountId,
  type Hold,
  type HoldId,
  type Operation,
  type OperationId,
  type OrderRow,
  type OrderSide,
  type OrderStatus,
  type OrderType,
  type OwnedId,
} from '../books/rows.ts';
import { CatalogBehind, currencyOf, marketOf, type Catalog } from '../catalog/catalog.ts';
import type { Keys } from '../commands/keys.ts';
import { textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import { hintsOf, planned, shiftParameters, type Part, type Statement } from '../database/statement.ts';
import { isoTime } from '../database/time.ts';
import { decodeNumeric } from '../money/amount.ts';

/**
 * The first half of a batch: everything it touches, in one statement and so in one snapshot. That snapshot is
 * why the version of an account guards its holds too: a hold never changes without its account.
 *
 * Each of these reads one table, can be pasted into psql, and answers with its keys' places (`n`). OFFSET 0 keeps
 * the keys in front, each probing the index: after a VACUUM of an empty table the planner would rather read all of
 * it and compare every row with every key, and keep that plan while the table grows. Where pg_hint_plan is, hints say
 * which index it is, and that a batch has about a hundred keys, where the planner takes an `unnest` for ten.
 */

const readAccounts = {
  hints: ['IndexScan(a accounts_pkey)', 'Rows(k a #100)'],
  text: `
  SELECT json_agg(json_build_array(k.n, a.place::text, a.version::text, a.available::text, a.locked::text))
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, currency, n)
  CROSS JOIN LATERAL (
    SELECT a.ctid AS place, * FROM accounts a WHERE a.user_id = k.user_id AND a.currency = k.currency OFFSET 0
  ) AS a`,
};

const readHolds = {
  hints: ['IndexScan(h holds_pkey)', 'Rows(k h #100)'],
  text: `
  SELECT json_agg(json_build_array(k.n, h.place::text, h.amount::text, h.placed, h.expires_at::text))
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (user_id, order_id, currency, n)
  CROSS JOIN LATERAL (
    SELECT h.ctid AS place, * FROM holds h
    WHERE h.user_id = k.user_id AND h.order_id = k.order_id AND h.currency = k.currency
    OFFSET 0
  ) AS h`,
};

const readOrders = {
  hints: ['IndexScan(o orders_pkey)', 'Rows(k o #100)'],
  text: `
  SELECT json_agg(json_build_array(k.n, o.place::text, o.symbol, o.side, o.type, o.status, o.quantity::text,
    o.filled_quantity::text, o.filled_value::text, o.price::text, o.hold_amount::text, o.placed, o.version::text))
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, id, n)
  CROSS JOIN LATERAL (
    SELECT o.ctid AS place, * FROM orders o WHERE o.user_id = k.user_id AND o.id = k.id OFFSET 0
  ) AS o`,
};

/** The holds of orders, and the accounts that they are in: whoever cancels does not say what is held. */
const readHoldsOfOrders = {
  hints: ['IndexScan(h holds_pkey)', 'IndexScan(a accounts_pkey)', 'Rows(k h #100)', 'Rows(k h a #100)'],
  text: `
  SELECT json_agg(json_build_array(k.n, h.currency, h.place::text, h.amount::text, h.placed, h.expires_at::text,
    a.place::text, a.version::text, a.available::text, a.locked::text))
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, order_id, n)
  CROSS JOIN LATERAL (
    SELECT h.ctid AS place, * FROM holds h WHERE h.user_id = k.user_id AND h.order_id = k.order_id OFFSET 0
  ) AS h
  LEFT JOIN LATERAL (
    SELECT a.ctid AS place, * FROM accounts a WHERE a.user_id = h.user_id AND a.currency = h.currency OFFSET 0
  ) AS a ON true`,
};

const readOperations = {
  hints: ['IndexScan(p operations_pkey)', 'Rows(k p #100)'],
  text: `
  SELECT json_agg(json_build_array(k.n, p.type, p.content_hash, p.outcome, p.batch_id, p.actor))
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (user_id, kind, id, n)
  CROSS JOIN LATERAL (
    SELECT * FROM operations p WHERE p.user_id = k.user_id AND p.kind = k.kind AND p.id = k.id OFFSET 0
  ) AS p`,
};

/** All that a batch can read: PostgreSQL plans each of these by itself, whichever others stand beside it. */
export const [loadAll] = inOneStatement([
  { name: 'accounts', part: planned(readAccounts) },
  { name: 'holds', part: planned(readHolds) },
  { name: 'orders', part: planned(readOrders) },
  { name: 'holds-of-orders', part: planned(readHoldsOfOrders) },
  { name: 'operations', part: planned(readOperations) },
]);

/** One table's share of the statement: what to ask, and what to do with the rows. */
interface Reading extends NamedPart {
  take(rows: readonly JsonRow[]): void;
}
interface NamedPart {
  readonly name: string;
  readonly part: Part;
}
type JsonRow = readonly JsonValue[];
type JsonValue = string | number | boolean | null;

/** A row, and the place (`ctid`) in its table at which it was read: where it is to be written. */
export type Placed<Row> = Row & { readonly place: string };

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

  const readings: Reading[] = [];
  const accountKeys = keys.accounts.inOrder();
  const holdKeys = keys.holds.inOrder();
  const orderKeys = keys.orders.inOrder();
  const heldOrderKeys = keys.ordersWithHolds.inOrder();
  const operationKeys = keys.operations.inOrder();
  if (accountKeys.length > 0) {
    readings.push({
      name: 'accounts',
      part: { ...readAccounts, values: accountIdArrays(accountKeys) },
      take(rows) {
        for (const row of rows) {
          const account = at(accountKeys, row[0]);
          take('accounts', account, () => accounts.set(account.key, toAccount(account, row, 1)));
        }
      },
    });
  }
  if (holdKeys.length > 0) {
    readings.push({
      name: 'holds',
      part: { ...readHolds, values: holdIdArrays(holdKeys) },
      take(rows) {
        for (const row of rows) {
          const hold = at(holdKeys, row[0]);
          take('holds', hold, () => holds.set(hold.key, toHold(hold, row, 1)));
        }
      },
    });
  }
  if (orderKeys.length > 0) {
    readings.push({
      name: 'orders',
      part: { ...readOrders, values: ownedIdArrays(orderKeys) },
      take(rows) {
        for (const row of rows) {
          const order = at(orderKeys, row[0]);
          take('orders', order, () => orders.set(order.key, toOrder(order, row, catalog)));
        }
      },
    });
  }
  if (heldOrderKeys.length > 0) {
    readings.push({
      name: 'holds-of-orders',
      part: { ...readHoldsOfOrders, values: ownedIdArrays(heldOrderKeys) },
      take(rows) {
        for (const row of rows) {
          const order = at(heldOrderKeys, row[0]);
          const { userId, id } = order;
          const code = text(row[1]);
          const readHold = (): void => {
            const hold = holdId(userId, id, currencyOf(catalog, code));
            holds.set(hold.key, toHold(hold, row, 2));
          };
          const readAccount = (): void => {
            const account = accountId(userId, currencyOf(catalog, code));
            accounts.set(account.key, toAccount(account, row, 6));
          };
          take('ordersWithHolds', order, readHold, () => `hold ${userId} ${id} ${code}`);
          if (row[6] !== null) take('ordersWithHolds', order, readAccount, () => `account ${userId} ${code}`);
        }
      },
    });
  }
  if (operationKeys.length > 0) {
    readings.push({
      name: 'operations',
      part: { ...readOperations, values: operationIdArrays(operationKeys) },
      take(rows) {
        for (const [n, type, contentHash, outcome, batchId, actor] of rows) {
          const operation = at(operationKeys, n);
          operations.set(operation.key, {
            ...operation,
            type: text(type),
            contentHash: text(contentHash),
            outcome: text(outcome),
            batchId: text(batchId),
            actor: actor == null ? null : text(actor),
          });
        }
      },
    });
  }

  await runReadings(session, readings);
  noteUncovered(broken, accounts, holds);
  noteMisheld(broken, orders, holds, heldOrderKeys);
  return { accounts, holds, orders, operations, broken, behind };
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

export function accountIdArrays(keys: readonly AccountId[]): [string, string] {
  return [textArray(keys.map((key) => key.userId)), textArray(keys.map((key) => key.currency))];
}

export function ownedIdArrays(keys: readonly OwnedId[]): [string, string] {
  return [textArray(keys.map((key) => key.userId)), textArray(keys.map((key) => key.id))];
}

function operationIdArrays(keys: readonly OperationId[]): [string, string, string] {
  return [
    textArray(keys.map((key) => key.userId)),
    textArray(keys.map((key) => key.kind)),
    textArray(keys.map((key) => key.id)),
  ];
}

function holdIdArrays(keys: readonly HoldId[]): [string, string, string] {
  return [
    textArray(keys.map((key) => key.userId)),
    textArray(keys.map((key) => key.orderId)),
    textArray(keys.map((key) => key.currency)),
  ];
}

/** Reads place, version, available and locked from the column `from` of a row on. */
function toAccount({ key, userId, currency, scale }: AccountId, row: JsonRow, from: number): Placed<Account> {
  const available = decodeNumeric(text(row[from + 2]), scale);
  if (available < 0n && userId !== OUTSIDE)
    throw new RangeError(`available ${text(row[from + 2])} is below zero`);
  return {
    key,
    userId,
    currency,
    scale,
    available,
    locked: decodeNumeric(text(row[from + 3]), scale),
    version: toVersion(row[from + 1], 0),
    place: text(row[from]),
  };
}

/** Above it no version is ours, and a batch may count on from there before numbers leave integers out. */
const MOST_VERSION = 2 ** 52;

/** Reads how often a row was changed, which comes as text: JSON would round it. */
function toVersion(value: JsonValue | undefined, least: number): number {
  const version = Number(text(value));
  if (version >= least && version <= MOST_VERSION) return version;
  throw new RangeError(`version ${text(value)} is not one from ${least} to 2^52`);
}

/** Not of a year before 1 or after 9999, nor `infinity`. */
const PLAIN_TIME = /^\d{4}-.*\+00$/;

/** Reads place, amount, placed and expiry from the column `from` of a row on. */
function toHold({ key, userId, currency, scale, orderId }: HoldId, row: JsonRow, from: number): Placed<Hold> {
  const expiresAt = row[from + 3];
  if (expiresAt != null && !PLAIN_TIME.test(text(expiresAt))) {
    throw new RangeError(`expires_at ${text(expiresAt)} is no time that an item can have`);
  }
  return {
    key,
    userId,
    currency,
    scale,
    orderId,
    amount: decodeNumeric(text(row[from + 1]), scale),
    placed: row[from + 2] === true,
    expiresAt: expiresAt == null ? null : isoTime(text(expiresAt)),
    place: text(row[from]),
  };
}

function toOrder({ key, userId, id }: OwnedId, row: JsonRow, catalog: Catalog): Placed<OrderRow> {
  const [, place, symbol, side, type, status, quantity, filled, value, price, holdAmount, placed, version] =
    row;
  const market = marketOf(catalog, text(symbol));
  const { base, quote, priceScale } = market;
  const filledValue = decodeNumeric(text(value), VALUE_SCALE);
  if (filledValue < 0n) throw new RangeError(`filled_value ${text(value)} is below zero`);
  return {
    key,
    userId,
    id,
    market,
    side: side as OrderSide,
    type: type as OrderType,
    status: status as OrderStatus,
    quantity: decodeNumeric(text(quantity), base.scale),
    filledQuantity: decodeNumeric(text(filled), base.scale),
    filledValue,
    price: price == null ? null : decodeNumeric(text(price), priceScale),
    holdAmount: holdAmount == null ? null : decodeNumeric(text(holdAmount), quote.scale),
    placed: placed === true,
    version: toVersion(version, 1),
    place: text(place),
  };
}

/** The key that stands at place `n`, counted from 1 as PostgreSQL does. */
function at<Key>(keys: readonly Key[], n: JsonValue | undefined): Key {
  const key = keys[Number(n) - 1];
  if (key === undefined) throw new RangeError(`PostgreSQL answered for key ${String(n)} of ${keys.length}`);
  return key;
}

function text(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  throw new RangeError(`PostgreSQL answered ${String(value)} where a text was expected`);
}
