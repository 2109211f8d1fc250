import { hash } from 'node:crypto';
import type { Books } from '../books/books.ts';
import { OUTSIDE } from '../books/funds.ts';
import {
  inOrder,
  VALUE_SCALE,
  type Account,
  type Hold,
  type NewOrder,
  type Note,
  type OrderRow,
} from '../books/rows.ts';
import type { KeyList, Keys } from '../commands/keys.ts';
import { plainArray, textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import { momentText, type Moment } from '../database/moment.ts';
import { hintsOf, planned, shiftParameters, type Part, type Statement } from '../database/statement.ts';
import { encodeNumeric } from '../money/amount.ts';
import type { Placed, PlacedBooks } from './load.ts';
import type { WritePart } from './write.ts';

/**
 * The second half of a batch: all that it decided, in one statement, which is one transaction by itself. Each
 * part writes one table and can be pasted into psql. A part that is guarded writes only over the version that
 * the decision was made from; when any row has moved on, the statement divides by zero and nothing is written.
 *
 * Updates go to the place (ctid) at which a row was read: no index is searched for it again. A row that is no
 * longer there, because it changed, was deleted, or the table was rewritten (VACUUM FULL), is a lost guard; and since
 * another row may stand in its place by then, the key is compared too: by IS NOT DISTINCT FROM, which no index serves.
 */
interface Write extends Part {
  readonly name: string;
  /** How many rows it has to write; otherwise the guard is lost. */
  readonly guarded?: number;
}

const insertAccounts = `
  INSERT INTO accounts (user_id, currency, available, locked, version, created_at, updated_at)
  SELECT user_id, currency, available, locked, version, $6::timestamptz, $6::timestamptz
  FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::bigint[])
    AS new (user_id, currency, available, locked, version)`;

const updateAccounts = {
  hints: ['TidScan(a)', 'Rows(new a #100)'],
  text: `
  UPDATE accounts a
  SET available = new.available, locked = new.locked, version = new.version, updated_at = $8::timestamptz
  FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::bigint[], $6::bigint[], $7::tid[])
    AS new (user_id, currency, available, locked, version, read_version, place)
  WHERE a.ctid = new.place AND a.version = new.read_version
    AND a.user_id IS NOT DISTINCT FROM new.user_id AND a.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1`,
};

/** The mark that there are books; of an account of the outside world that somebody deleted, it is there already. */
const insertBeginnings = `
  INSERT INTO beginnings (currency, began_at)
  SELECT currency, $2::timestamptz FROM unnest($1::text[]) AS new (currency)
  ON CONFLICT DO NOTHING`;

const insertJournal = `
  INSERT INTO journal (user_id, currency, version, available_delta, locked_delta, available, locked,
    operation_id, operation_type, order_id, created_at, reason, metadata)
  SELECT *
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[],
    $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::text[], $13::json[])`;

const insertHolds = `
  INSERT INTO holds (user_id, order_id, currency, amount, placed, expires_at, created_at)
  SELECT *, $7::timestamptz
  FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::boolean[], $6::timestamptz[])`;

// A hold has no version of its own. Its account is written in the same statement, and the version of that guards it.
const updateHolds = {
  hints: ['TidScan(h)', 'Rows(new h #100)'],
  text: `
  UPDATE holds h
  SET amount = new.amount, placed = new.placed, expires_at = new.expires_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::boolean[], $6::timestamptz[], $7::tid[])
    AS new (user_id, order_id, currency, amount, placed, expires_at, place)
  WHERE h.ctid = new.place
    AND h.user_id IS NOT DISTINCT FROM new.user_id AND h.order_id IS NOT DISTINCT FROM new.order_id
    AND h.currency IS NOT DISTINCT FROM new.currency
  RETURNING 1`,
};

const deleteHolds = {
  hints: ['TidScan(h)', 'Rows(gone h #100)'],
  text: `
  DELETE FROM holds h
  USING unnest($1::text[], $2::text[], $3::text[], $4::tid[]) AS gone (user_id, order_id, currency, place)
  WHERE h.ctid = gone.place
    AND h.user_id IS NOT DISTINCT FROM gone.user_id AND h.order_id IS NOT DISTINCT FROM gone.order_id
    AND h.currency IS NOT DISTINCT FROM gone.currency
  RETURNING 1`,
};

const insertOrders = `
  INSERT INTO orders (user_id, id, symbol, side, type, status, quantity, filled_quantity, filled_value, price,
    stop_price, trailing_amount, trailing_percent, display_quantity, time_in_force, expires_at, oco_group_id,
    parent_order_id, hold_amount, placed, reject_code, version, created_at, updated_at)
  SELECT *, created_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[],
    $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[],
    $14::numeric[], $15::text[], $16::timestamptz[], $17::text[], $18::text[], $19::numeric[],
    $20::boolean[], $21::text[], $22::bigint[], $23::timestamptz[])
    AS new (user_id, id, symbol, side, type, status, quantity, filled_quantity, filled_value, price,
      stop_price, trailing_amount, trailing_percent, display_quantity, time_in_force, expires_at, oco_group_id,
      parent_order_id, hold_amount, placed, reject_code, version, created_at)`;

const updateOrders = {
  hints: ['TidScan(o)', 'Rows(new o #100)'],
  text: `
  UPDATE orders o
  SET status = new.status, filled_quantity = new.filled_quantity, filled_value = new.filled_value,
    version = new.version, updated_at = new.changed_at,
    opened_at = CASE WHEN o.status = 'pending' AND new.status = 'open' THEN new.changed_at ELSE o.opened_at END
  FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::bigint[], $7::bigint[], $8::tid[],
      $9::timestamptz[])
    AS new (user_id, id, status, filled_quantity, filled_value, version, read_version, place, changed_at)
  WHERE o.ctid = new.place AND o.version = new.read_version
    AND o.user_id IS NOT DISTINCT FROM new.user_id AND o.id IS NOT DISTINCT FROM new.id
  RETURNING 1`,
};

const insertTrades = `
  INSERT INTO trades (user_id, id, side, order_id, symbol, price, quantity, quote_amount, fee, liquidity,
    executed_at)
  SELECT *
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[],
    $8::numeric[], $9::numeric[], $10::text[], $11::timestamptz[])`;

const insertTransactions = `
  INSERT INTO transactions (user_id, id, type, status, currency, amount, to_user_id, reference, created_at)
  SELECT user_id, id, type, 'completed', currency, amount, to_user_id, reference, created_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[], $7::text[], $8::timestamptz[])
    AS new (user_id, id, type, currency, amount, to_user_id, reference, created_at)`;

const insertOperations = `
  INSERT INTO operations (user_id, kind, id, type, content_hash, outcome, reason, metadata, batch_id, actor, created_at)
  SELECT *, $9::uuid, $10::text, $11::timestamptz
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::json[])`;

/** A batch as its operations name it. */
export interface Sent {
  readonly id: string;
  /** Who sent it, where that was said. */
  readonly actor: string | null;
}

/**
 * Writes what a batch changed, and what is written with it; no statement where there is nothing of either.
 *
 * @throws PincexError; `failureOf` tells a lost guard, and a batch that is superseded, from the rest
 */
export async function persist(
  session: Session,
  keys: Keys,
  loaded: PlacedBooks,
  books: Books,
  batch: Sent,
  writeWith: readonly WritePart[] = [],
): Promise<void> {
  const writes = [
    ...accountWrites(keys, loaded, books),
    ...orderWrites(keys, loaded, books),
    ...holdWrites(keys, loaded, books),
    ...recordWrites(keys, books, batch),
  ];
  if (writes.length === 0 && writeWith.length === 0) return;
  await session.query(...inOneStatement(writes, writeWith));
}

/**
 * `WITH a AS (…), b AS (…) SELECT` and then checks. The first one divides by zero if a guard was lost. For each part of
 * `writeWith`, `sqrt(count - 1)` fails with SQLSTATE 2201F if the part wrote no row: `failureOf` reads that as superseded.
 *
 * PostgreSQL runs a part when a check counts its rows, and the parts that no check counts after all others. So the parts
 * of `writeWith` run last, in their order, and their rows are not locked while the statement waits for others.
 */
function inOneStatement(
  writes: readonly Write[],
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

/** PostgreSQL cuts off what is longer: two statements would have one name. */
const LONGEST_NAME = 63;

function nameOf(writes: readonly Write[], writeWith: readonly WritePart[]): string {
  const letters = writes.map(({ name }) => SHORT[name] ?? name).join('');
  const name = `persist:${[letters, ...writeWith.map((part) => part.name)].join('+')}`;
  if (name.length <= LONGEST_NAME) return name;
  return `persist:${letters}+${hash('sha256', name, 'base64url').slice(0, 22)}`;
}

const SHORT: Readonly<Record<string, string>> = {
  insert_accounts: 'A',
  update_accounts: 'a',
  insert_beginnings: 'B',
  insert_journal: 'J',
  insert_orders: 'O',
  update_orders: 'o',
  insert_holds: 'H',
  update_holds: 'h',
  delete_holds: 'd',
  insert_trades: 'T',
  insert_transactions: 'X',
  insert_operations: 'P',
};

/** All that a batch can write: PostgreSQL plans each of these by itself, whichever others stand beside it. */
export const [persistAll] = inOneStatement([
  { name: 'update_accounts', ...planned(updateAccounts), guarded: 0 },
  { name: 'insert_accounts', ...planned(insertAccounts) },
  { name: 'insert_beginnings', ...planned(insertBeginnings) },
  { name: 'insert_journal', ...planned(insertJournal) },
  { name: 'update_orders', ...planned(updateOrders), guarded: 0 },
  { name: 'insert_orders', ...planned(insertOrders) },
  { name: 'insert_holds', ...planned(insertHolds) },
  { name: 'update_holds', ...planned(updateHolds), guarded: 0 },
  { name: 'delete_holds', ...planned(deleteHolds), guarded: 0 },
  { name: 'insert_trades', ...planned(insertTrades) },
  { name: 'insert_transactions', ...planned(insertTransactions) },
  { name: 'insert_operations', ...planned(insertOperations) },
]);

function accountWrites(keys: Keys, loaded: PlacedBooks, books: Books): Write[] {
  const now = momentText(books.now);
  const inserted: Account[] = [];
  const updated: Account[] = [];
  const before: Placed<Account>[] = [];
  for (const account of changedInOrder(books.accounts.changed, keys.accounts)) {
    const read = loaded.accounts.get(account.key);
    if (read === undefined) inserted.push(account);
    else {
      updated.push(account);
      before.push(read);
    }
  }
  const columns = (accounts: readonly Account[]): string[] => [
    textArray(accounts.map((account) => account.userId)),
    textArray(accounts.map((account) => account.currency)),
    plainArray(accounts.map((account) => encodeNumeric(account.available, account.scale))),
    plainArray(accounts.map((account) => encodeNumeric(account.locked, account.scale))),
    plainArray(accounts.map((account) => account.version)),
  ];
  const writes: Write[] = [];
  if (updated.length > 0) {
    const values = [...columns(updated), plainArray(before.map(versionOf)), placesOf(before), now];
    writes.push({ name: 'update_accounts', ...updateAccounts, values, guarded: updated.length });
  }
  if (inserted.length > 0) {
    writes.push({ name: 'insert_accounts', text: insertAccounts, values: [...columns(inserted), now] });
  }
  const begun = inserted.filter(({ userId }) => userId === OUTSIDE).map(({ currency }) => currency);
  if (begun.length > 0) {
    writes.push({ name: 'insert_beginnings', text: insertBeginnings, values: [textArray(begun), now] });
  }
  const { journal } = books;
  if (journal.length > 0) {
    writes.push({
      name: 'insert_journal',
      text: insertJournal,
      values: [
        textArray(journal.map((entry) => entry.account.userId)),
        textArray(journal.map((entry) => entry.account.currency)),
        plainArray(journal.map((entry) => entry.account.version)),
        plainArray(journal.map((entry) => encodeNumeric(entry.availableDelta, entry.account.scale))),
        plainArray(journal.map((entry) => encodeNumeric(entry.lockedDelta, entry.account.scale))),
        plainArray(journal.map((entry) => encodeNumeric(entry.account.available, entry.account.scale))),
        plainArray(journal.map((entry) => encodeNumeric(entry.account.locked, entry.account.scale))),
        textArray(journal.map((entry) => entry.operationId)),
        textArray(journal.map((entry) => entry.operationType)),
        textArray(journal.map((entry) => entry.orderId)),
        momentArray(journal.map((entry) => entry.createdAt)),
        ...noteArrays(journal),
      ],
    });
  }
  return writes;
}

function holdWrites(keys: Keys, loaded: PlacedBooks, books: Books): Write[] {
  const inserted: Hold[] = [];
  const updated: Placed<Hold>[] = [];
  const deleted: Placed<Hold>[] = [];
  for (const hold of changedInOrder(books.holds.changed, keys.holds)) {
    const place = loaded.holds.get(hold.key)?.place;
    if (place !== undefined) (hold.amount > 0n ? updated : deleted).push({ ...hold, place });
    else if (hold.amount > 0n) inserted.push(hold);
  }
  const ids = (holds: readonly Hold[]): string[] => [
    textArray(holds.map((hold) => hold.userId)),
    textArray(holds.map((hold) => hold.orderId)),
    textArray(holds.map((hold) => hold.currency)),
  ];
  const columns = (holds: readonly Hold[]): string[] => [
    ...ids(holds),
    plainArray(holds.map((hold) => encodeNumeric(hold.amount, hold.scale))),
    plainArray(holds.map((hold) => hold.placed)),
    textArray(holds.map((hold) => hold.expiresAt)),
  ];
  const writes: Write[] = [];
  if (inserted.length > 0) {
    const values = [...columns(inserted), momentText(books.now)];
    writes.push({ name: 'insert_holds', text: insertHolds, values });
  }
  if (updated.length > 0) {
    const values = [...columns(updated), placesOf(updated)];
    writes.push({ name: 'update_holds', ...updateHolds, values, guarded: updated.length });
  }
  if (deleted.length > 0) {
    const values = [...ids(deleted), placesOf(deleted)];
    writes.push({ name: 'delete_holds', ...deleteHolds, values, guarded: deleted.length });
  }
  return writes;
}

function orderWrites(keys: Keys, loaded: PlacedBooks, books: Books): Write[] {
  const inserted: NewOrder[] = [];
  const updated: OrderRow[] = [];
  const before: Placed<OrderRow>[] = [];
  for (const row of changedInOrder(books.orders.changed, keys.orders)) {
    const made = books.newOrders.get(row.key);
    if (made !== undefined) inserted.push({ ...made, row });
    else {
      const read = loaded.orders.get(row.key);
      if (read === undefined) throw new RangeError(`Order ${row.id} changed and was not read`);
      updated.push(row);
      before.push(read);
    }
  }
  const base = ({ market }: OrderRow): number => market.base.scale;
  const writes: Write[] = [];
  if (updated.length > 0) {
    writes.push({
      name: 'update_orders',
      ...updateOrders,
      guarded: updated.length,
      values: [
        textArray(updated.map((order) => order.userId)),
        textArray(updated.map((order) => order.id)),
        textArray(updated.map((order) => order.status)),
        plainArray(updated.map((order) => encodeNumeric(order.filledQuantity, base(order)))),
        plainArray(updated.map((order) => encodeNumeric(order.filledValue, VALUE_SCALE))),
        plainArray(updated.map((order) => order.version)),
        plainArray(before.map(versionOf)),
        placesOf(before),
        momentArray(updated.map((order) => order.changedAt ?? books.now)),
      ],
    });
  }
  if (inserted.length > 0) {
    const rows = inserted.map(({ row }) => row);
    const terms = inserted.map((order) => order.terms);
    writes.push({
      name: 'insert_orders',
      text: insertOrders,
      values: [
        textArray(rows.map((row) => row.userId)),
        textArray(rows.map((row) => row.id)),
        textArray(rows.map((row) => row.market.symbol)),
        textArray(rows.map((row) => row.side)),
        textArray(rows.map((row) => row.type)),
        textArray(rows.map((row) => row.status)),
        plainArray(rows.map((row) => encodeNumeric(row.quantity, base(row)))),
        plainArray(rows.map((row) => encodeNumeric(row.filledQuantity, base(row)))),
        plainArray(rows.map((row) => encodeNumeric(row.filledValue, VALUE_SCALE))),
        plainArray(rows.map((row) => nullable(row.price, row.market.priceScale))),
        plainArray(terms.map((term) => term.stopPrice)),
        plainArray(terms.map((term) => term.trailingAmount)),
        plainArray(terms.map((term) => term.trailingPercent)),
        plainArray(terms.map((term) => term.displayQuantity)),
        textArray(terms.map((term) => term.timeInForce)),
        textArray(terms.map((term) => term.expiresAt)),
        textArray(terms.map((term) => term.ocoGroupId)),
        textArray(terms.map((term) => term.parentOrderId)),
        plainArray(rows.map((row) => nullable(row.holdAmount, row.market.quote.scale))),
        plainArray(rows.map((row) => row.placed)),
        textArray(inserted.map((order) => order.rejectCode)),
        plainArray(rows.map((row) => row.version)),
        momentArray(inserted.map((order) => order.createdAt)),
      ],
    });
  }
  return writes;
}

function recordWrites(keys: Keys, { trades, transactions, operations, now }: Books, batch: Sent): Write[] {
  const writes: Write[] = [];
  if (trades.length > 0) {
    writes.push({
      name: 'insert_trades',
      text: insertTrades,
      values: [
        textArray(trades.map((trade) => trade.userId)),
        textArray(trades.map((trade) => trade.id)),
        textArray(trades.map((trade) => trade.side)),
        textArray(trades.map((trade) => trade.orderId)),
        textArray(trades.map((trade) => trade.market.symbol)),
        plainArray(trades.map((trade) => encodeNumeric(trade.price, trade.market.priceScale))),
        plainArray(trades.map((trade) => encodeNumeric(trade.quantity, trade.market.base.scale))),
        plainArray(trades.map((trade) => encodeNumeric(trade.quoteAmount, trade.market.quote.scale))),
        plainArray(trades.map(({ fee, side, market }) => encodeNumeric(fee, received(side, market).scale))),
        textArray(trades.map((trade) => trade.liquidity)),
        momentArray(trades.map((trade) => trade.executedAt)),
      ],
    });
  }
  if (transactions.length > 0) {
    writes.push({
      name: 'insert_transactions',
      text: insertTransactions,
      values: [
        textArray(transactions.map((row) => row.userId)),
        textArray(transactions.map((row) => row.id)),
        textArray(transactions.map((row) => row.type)),
        textArray(transactions.map((row) => row.currency)),
        plainArray(transactions.map((row) => encodeNumeric(row.amount, row.scale))),
        textArray(transactions.map((row) => row.toUserId)),
        textArray(transactions.map((row) => row.reference)),
        momentArray(transactions.map((row) => row.createdAt)),
      ],
    });
  }
  const applied = changedInOrder(operations.changed, keys.operations);
  if (applied.length > 0) {
    writes.push({
      name: 'insert_operations',
      text: insertOperations,
      values: [
        textArray(applied.map((operation) => operation.userId)),
        textArray(applied.map((operation) => operation.kind)),
        textArray(applied.map((operation) => operation.id)),
        textArray(applied.map((operation) => operation.type)),
        textArray(applied.map((operation) => operation.contentHash)),
        textArray(applied.map((operation) => operation.outcome)),
        ...noteArrays(applied),
        batch.id,
        batch.actor,
        momentText(now),
      ],
    });
  }
  return writes;
}

/** The reasons, and the metadata. */
const noteArrays = (rows: readonly { readonly note?: Note | undefined }[]): [string, string] => [
  textArray(rows.map(({ note }) => note?.reason ?? null)),
  textArray(rows.map(({ note }) => note?.metadata ?? null)),
];

const momentArray = (moments: readonly Moment[]): string => plainArray(moments.map(momentText));

const versionOf = ({ version }: { readonly version: number }): number => version;

const placesOf = (rows: readonly { readonly place: string }[]): string =>
  textArray(rows.map(({ place }) => place));

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

/** The currency that a side of a trade receives, and pays its fee in. */
function received<Currency>(side: 'buy' | 'sell', market: { base: Currency; quote: Currency }): Currency {
  return side === 'buy' ? market.base : market.quote;
}

function nullable(amount: bigint | null, scale: number): string | null {
  return amount === null ? null : encodeNumeric(amount, scale);
}
