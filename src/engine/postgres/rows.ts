import { OUTSIDE } from '../../books/funds.ts';
import {
  VALUE_SCALE,
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
} from '../../books/rows.ts';
import { marketOf, type Catalog } from '../../catalog/catalog.ts';
import { isoTime } from '../../database/sql/time.ts';
import { decodeNumeric } from '../../money/amount.ts';
import { readOperations, readOrders, type readAccounts, type readHolds } from './reads.ts';
import type { Placed } from './tables.ts';

/**
 * Turns JSON rows of `reads.ts` into rows of the books. Other SQL may have changed the tables, so a value that no rule can
 * work on is a RangeError.
 */
export type JsonRow = readonly JsonValue[];
type JsonValue = string | number | boolean | null;

export function toAccount(
  { key, userId, currency, scale }: AccountId,
  row: JsonRow,
  at: (typeof readAccounts)['at']['account'],
): Placed<Account> {
  const available = decodeNumeric(text(row[at.available]), scale);
  if (available < 0n && userId !== OUTSIDE)
    throw new RangeError(`available ${text(row[at.available])} is below zero`);
  return {
    key,
    userId,
    currency,
    scale,
    available,
    locked: decodeNumeric(text(row[at.locked]), scale),
    version: toVersion(row[at.version], 0),
    place: text(row[at.place]),
  };
}

/** No row reaches this version by our writes, and a batch can still add to it within the safe integers. */
const MOST_VERSION = 2 ** 52;

/** Reads a version, which comes as text because JSON would round a large one. */
function toVersion(value: JsonValue | undefined, least: number): number {
  const version = Number(text(value));
  if (version >= least && version <= MOST_VERSION) return version;
  throw new RangeError(`version ${text(value)} is not one from ${least} to 2^52`);
}

/** Excludes years before 1 and after 9999, and `infinity`. */
const PLAIN_TIME = /^\d{4}-.*\+00$/;

export function toHold(
  { key, userId, currency, scale, orderId }: HoldId,
  row: JsonRow,
  at: (typeof readHolds)['at']['hold'],
): Placed<Hold> {
  const expiresAt = row[at.expires_at];
  if (expiresAt != null && !PLAIN_TIME.test(text(expiresAt))) {
    throw new RangeError(`expires_at ${text(expiresAt)} is not a time that an item can have`);
  }
  return {
    key,
    userId,
    currency,
    scale,
    orderId,
    amount: decodeNumeric(text(row[at.amount]), scale),
    placed: row[at.placed] === true,
    expiresAt: expiresAt == null ? null : isoTime(text(expiresAt)),
    place: text(row[at.place]),
  };
}

export function toOrder({ key, userId, id }: OwnedId, row: JsonRow, catalog: Catalog): Placed<OrderRow> {
  const at = readOrders.at.order;
  const price = row[at.price];
  const holdAmount = row[at.hold_amount];
  const market = marketOf(catalog, text(row[at.symbol]));
  const { base, quote, priceScale } = market;
  const filledValue = decodeNumeric(text(row[at.filled_value]), VALUE_SCALE);
  if (filledValue < 0n) throw new RangeError(`filled_value ${text(row[at.filled_value])} is below zero`);
  return {
    key,
    userId,
    id,
    market,
    side: row[at.side] as OrderSide,
    type: row[at.type] as OrderType,
    status: row[at.status] as OrderStatus,
    quantity: decodeNumeric(text(row[at.quantity]), base.scale),
    filledQuantity: decodeNumeric(text(row[at.filled_quantity]), base.scale),
    filledValue,
    price: price == null ? null : decodeNumeric(text(price), priceScale),
    holdAmount: holdAmount == null ? null : decodeNumeric(text(holdAmount), quote.scale),
    placed: row[at.placed] === true,
    version: toVersion(row[at.version], 1),
    place: text(row[at.place]),
  };
}

export function toOperation(operation: OperationId, row: JsonRow): Operation {
  const at = readOperations.at.operation;
  const actor = row[at.actor];
  return {
    ...operation,
    type: text(row[at.type]),
    contentHash: text(row[at.content_hash]),
    outcome: text(row[at.outcome]),
    batchId: text(row[at.batch_id]),
    actor: actor == null ? null : text(actor),
  };
}

export function text(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  throw new RangeError(`PostgreSQL answered ${String(value)} where a text was expected`);
}
