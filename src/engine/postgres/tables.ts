import {
  VALUE_SCALE,
  type Account,
  type AccountId,
  type Hold,
  type HoldId,
  type JournalEntry,
  type NewOrder,
  type Note,
  type Operation,
  type OperationId,
  type OrderRow,
  type OwnedId,
  type TradeRow,
  type TransactionRow,
} from '../../books/rows.ts';
import {
  bigint,
  boolean,
  json,
  moment,
  numeric,
  text,
  tid,
  time,
  type Columns,
} from '../../database/sql/columns.ts';
import { encodeNumeric } from '../../money/amount.ts';

/**
 * The tables of a batch: every column that a batch reads or writes is declared here once, in one of these groups.
 *
 * - `key`: finds the row.
 * - `fixed`: read with the row, and written when it is inserted.
 * - `state`: read with the row, and written when it is inserted and whenever it changes.
 * - `terms`: written when the row is inserted; no rule reads them.
 */

/** A row with the place (`ctid`) at which it was read: an update goes to that place. */
export type Placed<Row> = Row & { readonly place: string };

/** The new state of a row, with the place and the version at which it was read. */
export interface Changed<Row> {
  readonly row: Row;
  readonly place: string;
  readonly readVersion: number;
}

export const place = { place: tid((row) => row.place) } satisfies Columns<{ readonly place: string }>;

export const readVersion = { read_version: bigint((row) => row.readVersion) } satisfies Columns<{
  readonly readVersion: number;
}>;

const notes = {
  reason: text((row) => row.note?.reason ?? null),
  metadata: json((row) => row.note?.metadata ?? null),
} satisfies Columns<{ readonly note?: Note | undefined }>;

/** The key of rows that belong to a user and have an id. */
export const owned = {
  user_id: text((row) => row.userId),
  id: text((row) => row.id),
} satisfies Columns<Pick<OwnedId, 'userId' | 'id'>>;

export const accounts = {
  key: {
    user_id: text((account) => account.userId),
    currency: text((account) => account.currency),
  } satisfies Columns<AccountId>,
  state: {
    version: bigint((account) => account.version),
    available: numeric((account) => encodeNumeric(account.available, account.scale)),
    locked: numeric((account) => encodeNumeric(account.locked, account.scale)),
  } satisfies Columns<Account>,
};

export const beginnings = { currency: accounts.key.currency };

export const journal = {
  user_id: text(({ account }) => account.userId),
  currency: text(({ account }) => account.currency),
  version: bigint(({ account }) => account.version),
  available_delta: numeric(({ availableDelta, account }) => encodeNumeric(availableDelta, account.scale)),
  locked_delta: numeric(({ lockedDelta, account }) => encodeNumeric(lockedDelta, account.scale)),
  available: numeric(({ account }) => encodeNumeric(account.available, account.scale)),
  locked: numeric(({ account }) => encodeNumeric(account.locked, account.scale)),
  operation_id: text((entry) => entry.operationId),
  operation_type: text((entry) => entry.operationType),
  order_id: text((entry) => entry.orderId),
  created_at: moment((entry) => entry.createdAt),
  ...notes,
} satisfies Columns<JournalEntry>;

export const holds = {
  key: {
    user_id: text((hold) => hold.userId),
    order_id: text((hold) => hold.orderId),
    currency: text((hold) => hold.currency),
  } satisfies Columns<HoldId>,
  state: {
    amount: numeric((hold) => encodeNumeric(hold.amount, hold.scale)),
    placed: boolean((hold) => hold.placed),
    expires_at: time((hold) => hold.expiresAt),
  } satisfies Columns<Hold>,
};

/** Finds the holds of an order without their currencies. */
export const holdsOfOrders = {
  user_id: owned.user_id,
  order_id: owned.id,
};

export const orders = {
  key: owned,
  fixed: {
    symbol: text(({ market }) => market.symbol),
    side: text((order) => order.side),
    type: text((order) => order.type),
    quantity: numeric(({ quantity, market }) => encodeNumeric(quantity, market.base.scale)),
    price: numeric(({ price, market }) => nullable(price, market.priceScale)),
    hold_amount: numeric(({ holdAmount, market }) => nullable(holdAmount, market.quote.scale)),
    placed: boolean((order) => order.placed),
  } satisfies Columns<OrderRow>,
  state: {
    status: text((order) => order.status),
    filled_quantity: numeric(({ filledQuantity, market }) =>
      encodeNumeric(filledQuantity, market.base.scale),
    ),
    filled_value: numeric((order) => encodeNumeric(order.filledValue, VALUE_SCALE)),
    version: bigint((order) => order.version),
  } satisfies Columns<OrderRow>,
  terms: {
    stop_price: numeric(({ terms }) => terms.stopPrice),
    trailing_amount: numeric(({ terms }) => terms.trailingAmount),
    trailing_percent: numeric(({ terms }) => terms.trailingPercent),
    display_quantity: numeric(({ terms }) => terms.displayQuantity),
    time_in_force: text(({ terms }) => terms.timeInForce),
    expires_at: time(({ terms }) => terms.expiresAt),
    oco_group_id: text(({ terms }) => terms.ocoGroupId),
    parent_order_id: text(({ terms }) => terms.parentOrderId),
    reject_code: text((order) => order.rejectCode),
    created_at: moment((order) => order.createdAt),
  } satisfies Columns<NewOrder>,
};

export const trades = {
  ...owned,
  side: text((trade) => trade.side),
  order_id: text((trade) => trade.orderId),
  symbol: text(({ market }) => market.symbol),
  price: numeric(({ price, market }) => encodeNumeric(price, market.priceScale)),
  quantity: numeric(({ quantity, market }) => encodeNumeric(quantity, market.base.scale)),
  quote_amount: numeric(({ quoteAmount, market }) => encodeNumeric(quoteAmount, market.quote.scale)),
  // The fee is in the currency that this side receives.
  fee: numeric(({ fee, side, market }) =>
    encodeNumeric(fee, side === 'buy' ? market.base.scale : market.quote.scale),
  ),
  liquidity: text((trade) => trade.liquidity),
  executed_at: moment((trade) => trade.executedAt),
} satisfies Columns<TradeRow>;

export const transactions = {
  ...owned,
  type: text((row) => row.type),
  currency: text((row) => row.currency),
  amount: numeric((row) => encodeNumeric(row.amount, row.scale)),
  to_user_id: text((row) => row.toUserId),
  reference: text((row) => row.reference),
  created_at: moment((row) => row.createdAt),
} satisfies Columns<TransactionRow>;

export const operations = {
  key: {
    user_id: text((operation) => operation.userId),
    kind: text((operation) => operation.kind),
    id: text((operation) => operation.id),
  } satisfies Columns<OperationId>,
  fixed: {
    type: text((operation) => operation.type),
    content_hash: text((operation) => operation.contentHash),
    outcome: text((operation) => operation.outcome),
  } satisfies Columns<Operation>,
  terms: notes,
};

function nullable(amount: bigint | null, scale: number): string | null {
  return amount === null ? null : encodeNumeric(amount, scale);
}
