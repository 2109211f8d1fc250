import { OPEN_STATUSES, ORDER_STATUSES } from '../books/orders.ts';
import type { OrderSide, OrderStatus, OrderType, TimeInForce } from '../books/rows.ts';
import { textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import { isoTime } from '../database/time.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { trimDecimal } from '../money/amount.ts';
import { askable, requireKeys, requireLimit } from './keys.ts';

/** An order as callers see it. Amounts and prices are decimal strings, times ISO 8601 in UTC. */
export interface OrderView {
  readonly id: string;
  readonly userId: string;
  readonly symbol: string;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly status: OrderStatus;
  readonly quantity: string;
  readonly filledQuantity: string;
  /** Of all that is filled, rounded to 12 decimals; `null` while nothing is. */
  readonly averagePrice: string | null;
  readonly price: string | null;
  readonly stopPrice: string | null;
  readonly trailingAmount: string | null;
  readonly trailingPercent: string | null;
  readonly displayQuantity: string | null;
  readonly timeInForce: TimeInForce;
  readonly expiresAt: string | null;
  readonly ocoGroupId: string | null;
  readonly parentOrderId: string | null;
  readonly holdAmount: string | null;
  /** Whether its funds were held with it, by `placeOrders`. */
  readonly placed: boolean;
  /** Why a recorded order was rejected. */
  readonly rejectCode: string | null;
  /** Counts the changes of the order. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/**
 * A read of many orders is bound by the bytes it sends, so what most orders leave empty travels only where it
 * is there: what is rare in one JSON object, what equals another column as NULL.
 */
const COLUMNS = `
      o.id, o.symbol, o.side, o.type, o.status, o.quantity, nullif(o.filled_quantity, 0) AS filled_quantity,
      CASE WHEN o.filled_quantity > 0 THEN round(o.filled_value / o.filled_quantity, 12) END AS average_price,
      o.price, o.time_in_force, o.placed, o.version, o.created_at,
      nullif(o.updated_at, o.created_at) AS updated_at,
      CASE WHEN num_nonnulls(o.stop_price, o.trailing_amount, o.trailing_percent, o.display_quantity,
        o.expires_at, o.oco_group_id, o.parent_order_id, o.hold_amount, o.reject_code) > 0
      THEN json_build_array(o.stop_price::text, o.trailing_amount::text, o.trailing_percent::text,
        o.display_quantity::text, o.expires_at::text, o.oco_group_id, o.parent_order_id, o.hold_amount::text,
        o.reject_code) END AS rare`;

const getOrdersByIds = {
  name: 'get-orders-by-ids',
  text: `
    SELECT DISTINCT ON (k.n) k.n, o.user_id,${COLUMNS}
    FROM unnest($1::text[]) WITH ORDINALITY AS k (id, n)
    JOIN orders o USING (id)
    WHERE o.id > ''
    ORDER BY k.n, o.created_at`,
};

/**
 * The newest orders of each user: read by the index, no more than are returned, and sent in the order in which
 * the LATERAL made them, since a limit by row leaves no other plan.
 */
const getUserOrders = {
  name: 'get-user-orders',
  text: `
    SELECT k.n, o.*
    FROM unnest($1::text[]) WITH ORDINALITY AS k (user_id, n)
    CROSS JOIN LATERAL (
      SELECT${COLUMNS}
      FROM orders o
      WHERE o.user_id = k.user_id AND o.user_id > ''
      ORDER BY o.created_at DESC, o.id DESC
      LIMIT $2
    ) AS o`,
};

const getUserOrdersByStatus = {
  name: 'get-user-orders-by-status',
  text: getUserOrders.text.replace('ORDER BY', 'AND o.status = ANY ($3::text[])\n      ORDER BY'),
};

const getUserOrdersBySymbol = {
  name: 'get-user-orders-by-symbol',
  text: getUserOrders.text.replace('ORDER BY', 'AND o.symbol = $3\n      ORDER BY'),
};

const getUserOrdersBySymbolAndStatus = {
  name: 'get-user-orders-by-symbol-and-status',
  text: getUserOrders.text.replace(
    'ORDER BY',
    'AND o.symbol = $3 AND o.status = ANY ($4::text[])\n      ORDER BY',
  ),
};

interface Row {
  n: string;
  user_id?: string;
  id: string;
  symbol: string;
  side: OrderSide;
  type: OrderType;
  status: OrderStatus;
  quantity: string;
  filled_quantity: string | null;
  average_price: string | null;
  price: string | null;
  time_in_force: TimeInForce;
  placed: 't' | 'f';
  version: string;
  created_at: string;
  updated_at: string | null;
  rare: string | null;
}

export interface UserOrdersFilter {
  /** Only orders in these states; all where absent. */
  readonly statuses?: readonly OrderStatus[];
  /** Only orders of this market; all where absent. */
  readonly symbol?: string;
  /** For each user, the newest first. Default 100, at most 1,000. */
  readonly limit?: number;
}

/**
 * The orders with these ids, in their order, `null` where there is none. Order ids are the exchange's own and
 * expected to be unique over all users; where two users have the same, it is the one created first.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function readOrdersByIds(
  session: Session,
  ids: readonly string[],
): Promise<(OrderView | null)[]> {
  requireKeys('ids', ids);
  const orders = new Array<OrderView | null>(ids.length).fill(null);
  if (ids.length === 0) return orders;
  const rows = await session.query<Row>(getOrdersByIds, [textArray(ids.map(askable))]);
  for (const row of rows) orders[Number(row.n) - 1] = toView(row, row.user_id ?? '');
  return orders;
}

/**
 * The newest orders of each user: a list for every user, in the order of the users.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function readUserOrders(
  session: Session,
  userIds: readonly string[],
  { statuses, symbol, limit = 100 }: UserOrdersFilter = {},
): Promise<OrderView[][]> {
  requireKeys('userIds', userIds);
  requireLimit('limit', limit, limits.ordersPerUser);
  const unknown = statuses?.find((status) => !ORDER_STATUSES.includes(status));
  if (unknown !== undefined) {
    throw new PincexError(
      'invalid_argument',
      `A status is one of ${ORDER_STATUSES.join(', ')}: got "${unknown}"`,
    );
  }
  const orders = userIds.map((): OrderView[] => []);
  if (userIds.length === 0) return orders;
  const values = [textArray(userIds.map(askable)), String(limit)];
  if (symbol !== undefined) values.push(symbol.replaceAll('\0', ''));
  if (statuses !== undefined) values.push(textArray(statuses));
  const rows = await session.query<Row>(statementFor(symbol !== undefined, statuses !== undefined), values);
  for (const row of rows) {
    const user = Number(row.n) - 1;
    orders[user]?.push(toView(row, userIds[user] ?? ''));
  }
  return orders;
}

/** The newest open orders of each user, as {@link readUserOrders}. */
export function readOpenOrdersByUsers(
  session: Session,
  userIds: readonly string[],
  { limit = limits.ordersPerUser }: { readonly limit?: number } = {},
): Promise<OrderView[][]> {
  return readUserOrders(session, userIds, { statuses: OPEN_STATUSES, limit });
}

function statementFor(bySymbol: boolean, byStatus: boolean) {
  if (bySymbol) return byStatus ? getUserOrdersBySymbolAndStatus : getUserOrdersBySymbol;
  return byStatus ? getUserOrdersByStatus : getUserOrders;
}

function toView(row: Row, userId: string): OrderView {
  const rare = row.rare === null ? NOTHING_RARE : (JSON.parse(row.rare) as (string | null)[]);
  const [stopPrice, trailingAmount, trailingPercent, displayQuantity, expiresAt, ocoGroupId, parentOrderId] =
    rare;
  const createdAt = isoTime(row.created_at);
  return {
    id: row.id,
    userId,
    symbol: row.symbol,
    side: row.side,
    type: row.type,
    status: row.status,
    quantity: trimDecimal(row.quantity),
    filledQuantity: row.filled_quantity === null ? '0' : trimDecimal(row.filled_quantity),
    averagePrice: trimmed(row.average_price),
    price: trimmed(row.price),
    stopPrice: trimmed(stopPrice),
    trailingAmount: trimmed(trailingAmount),
    trailingPercent: trimmed(trailingPercent),
    displayQuantity: trimmed(displayQuantity),
    timeInForce: row.time_in_force,
    expiresAt: expiresAt == null ? null : isoTime(expiresAt),
    ocoGroupId: ocoGroupId ?? null,
    parentOrderId: parentOrderId ?? null,
    holdAmount: trimmed(rare[7]),
    placed: row.placed === 't',
    rejectCode: rare[8] ?? null,
    version: Number(row.version),
    createdAt,
    updatedAt: row.updated_at === null ? createdAt : isoTime(row.updated_at),
  };
}

const NOTHING_RARE: readonly (string | null)[] = [];

function trimmed(value: string | null | undefined): string | null {
  return value == null ? null : trimDecimal(value);
}
