import type { Currency, Market } from '../catalog/catalog.ts';
import type { Moment } from '../database/sql/moment.ts';

/** The rows of the books. Amounts are integers at the currency's scale; rows are never changed in place. */

/** Names an account. */
export interface AccountId {
  /** Its key in the books of a batch: see {@link keyOf}. */
  readonly key: string;
  readonly userId: string;
  readonly currency: string;
  readonly scale: number;
}

/** Names a hold, and the account that it is in. */
export interface HoldId extends AccountId {
  readonly orderId: string;
}

/** Names a row that belongs to a user and has an id, such as an order. */
export interface OwnedId {
  readonly key: string;
  readonly userId: string;
  readonly id: string;
}

/** Names an operation: its id is unique for the user and the kind. */
export interface OperationId extends OwnedId {
  readonly kind: string;
}

export interface Account extends AccountId {
  readonly available: bigint;
  readonly locked: bigint;
  /** The number of journal entries of the account. */
  readonly version: number;
}

export interface Hold extends HoldId {
  /** The amount that is left; 0 once the hold is used up. */
  readonly amount: bigint;
  /** Whether `placeOrder` made it, together with its order: then only that order's commands take from it. */
  readonly placed: boolean;
  readonly expiresAt: string | null;
}

export type OrderSide = 'buy' | 'sell';
export type OrderType = 'limit' | 'market' | 'stop' | 'stop_limit' | 'trailing_stop';
export type OrderStatus =
  'pending' | 'open' | 'partially_filled' | 'filled' | 'cancelled' | 'expired' | 'rejected';
export type TimeInForce = 'gtc' | 'ioc' | 'fok' | 'gtd' | 'day';

export interface OrderRow extends OwnedId {
  readonly market: Market;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly status: OrderStatus;
  /** At the scale of base. */
  readonly quantity: bigint;
  readonly filledQuantity: bigint;
  /** Sum of price x quantity of the fills, at {@link VALUE_SCALE}. */
  readonly filledValue: bigint;
  /** At the price scale of the market. */
  readonly price: bigint | null;
  /** At the scale of quote: what a buy without a limit price may spend. */
  readonly holdAmount: bigint | null;
  readonly placed: boolean;
  readonly version: number;
  /** The time at which this batch changed it; absent if it did not. */
  readonly changedAt?: Moment;
}

/** The terms of an order that no rule of money reads. They are stored and returned as they came. */
export interface OrderTerms {
  readonly stopPrice: string | null;
  readonly trailingAmount: string | null;
  readonly trailingPercent: string | null;
  readonly displayQuantity: string | null;
  readonly timeInForce: TimeInForce;
  readonly expiresAt: string | null;
  readonly ocoGroupId: string | null;
  readonly parentOrderId: string | null;
}

export interface NewOrder {
  readonly row: OrderRow;
  readonly terms: OrderTerms;
  readonly rejectCode: string | null;
  readonly createdAt: Moment;
}

/** The scale of values: the largest scale of a price plus that of a quantity. */
export const VALUE_SCALE = 36;

export interface TradeRow {
  readonly userId: string;
  readonly id: string;
  readonly side: OrderSide;
  readonly orderId: string;
  readonly market: Market;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly quoteAmount: bigint;
  readonly fee: bigint;
  readonly liquidity: 'maker' | 'taker';
  readonly executedAt: Moment;
}

export interface TransactionRow {
  readonly userId: string;
  readonly id: string;
  readonly type: 'deposit' | 'withdrawal' | 'transfer';
  readonly currency: string;
  readonly scale: number;
  readonly amount: bigint;
  readonly toUserId: string | null;
  readonly reference: string | null;
  readonly createdAt: Moment;
}

/** A caller's reason and metadata for an item. */
export interface Note {
  readonly reason: string | null;
  /** As JSON. */
  readonly metadata: string | null;
}

export interface JournalEntry {
  /** The account after this entry. */
  readonly account: Account;
  readonly availableDelta: bigint;
  readonly lockedDelta: bigint;
  readonly operationId: string;
  readonly operationType: string;
  readonly orderId: string | null;
  readonly note: Note | undefined;
  readonly createdAt: Moment;
}

export interface Operation extends OperationId {
  readonly type: string;
  readonly contentHash: string;
  /** The data of its first result, as JSON. */
  readonly outcome: string;
  readonly batchId: string;
  /** The actor of the batch; present if the operation was read. */
  readonly actor?: string | null;
  /** Absent if the caller gave none, and for an operation that was read. */
  readonly note?: Note | undefined;
}

/** Joins ids to a key. Ids contain no NUL, which PostgreSQL's text excludes, so the key is unambiguous. */
export const keyOf = (...ids: readonly string[]): string => ids.join('\0');

export function accountId(userId: string, { code, scale }: Currency): AccountId {
  return { key: keyOf(userId, code), userId, currency: code, scale };
}

export function holdId(userId: string, orderId: string, { code, scale }: Currency): HoldId {
  return { key: keyOf(userId, orderId, code), userId, currency: code, scale, orderId };
}

export function ownedId(userId: string, id: string): OwnedId {
  return { key: keyOf(userId, id), userId, id };
}

/**
 * Sorts rows into the one order in which every batch reads, locks and writes them, so that two batches cannot deadlock and
 * neighbours in an index follow one another.
 */
export function inOrder<Row extends { readonly key: string }>(rows: ReadonlyMap<string, Row>): Row[] {
  return [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
