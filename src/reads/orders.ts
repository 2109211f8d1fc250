import { OPEN_STATUSES, ORDER_STATUSES } from '../books/orders.ts';
import type { OrderSide, OrderStatus, OrderType, TimeInForce } from '../books/rows.ts';
import { textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';
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
 * A read of many orders is bound by what the driver does for each field of each row, so an order travels as one
 * text of its fields, and a user's orders as one text of orders: 2,000 orders in half the time of 2,000 rows.
 * The separators are control characters, which no id has. What most orders leave empty is one JSON array.
 */
const FIELD = '\x1f';
const ORDER = '\x1e';
const PACKED = `concat_ws(E'\\x1f', o.id, o.symbol, o.side, o.type, o.status, o.time_in_force, o.placed, o.version,
        o.created_at, o.quantity, coalesce(o.price::text, ''),
        CASE WHEN o.updated_at = o.created_at THEN '' ELSE o.updated_at::text END,
        CASE WHEN o.filled_quantity = 0 THEN ''
          ELSE concat_ws(' ', o.filled_quantity, round(o.filled_value / o.filled_quantity, 12)) END,
        CASE WHEN num_nonnulls(o.stop_price, o.trailing_amount, o.trailing_percent, o.display_quantity,
          o.expires_at, o.oco_group_id, o.parent_order_id, o.hold_amount, o.reject_code) = 0 THEN ''
          ELSE json_build_array(o.stop_price::text, o.trailing_amount::text, o.trailing_percent::text,
            o.display_quantity::text, o.expires_at::text, o.oco_group_id, o.parent_order_id,
            o.hold_amount::text, o.reject_code)::text END)`;

const getOrdersByIds = {
  name: 'get-orders-by-ids',
  text: `
    SELECT DISTINCT ON (k.n) k.n, o.user_id,
      ${PACKED} AS packed
    FROM unnest($1::text[]) WITH ORDINALITY AS k (id, n)
    JOIN orders o USING (id)
    WHERE o.id > ''
    ORDER BY k.n, o.created_at`,
};

/** The newest orders of each user: read by the index, no more than are returned. */
const getUserOrders = (name: string, condition = ''): Statement => ({
  name,
  text: `
    SELECT k.n, (
      SELECT string_agg(
        ${PACKED}, E'\\x1e')
      FROM (
        SELECT * FROM orders
        WHERE user_id = k.user_id AND user_id > '' ${condition}
        ORDER BY created_at DESC, id DESC
        LIMIT $2
      ) AS o
    ) AS packed
    FROM unnest($1::text[]) WITH ORDINALITY AS k (user_id, n)`,
});

const USER_ORDERS = {
  all: getUserOrders('get-user-orders'),
  byStatus: getUserOrders('get-user-orders-by-status', 'AND status = ANY ($3::text[])'),
  bySymbol: getUserOrders('get-user-orders-by-symbol', 'AND symbol = $3'),
  bySymbolAndStatus: getUserOrders(
    'get-user-orders-by-symbol-and-status',
    'AND symbol = $3 AND status = ANY ($4::text[])',
  ),
};

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
  const rows = await session.query<{ n: string; user_id: string; packed: string }>(getOrdersByIds, [
    textArray(ids.map(askable)),
  ]);
  for (const { n, user_id: userId, packed } of rows) orders[Number(n) - 1] = unpack(packed, userId);
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
  if (statuses !== undefined) requireKeys('statuses', statuses);
  const unknown = statuses?.find((status) => !ORDER_STATUSES.includes(status));
  if (unknown !== undefined) {
    throw new PincexError(
      'invalid_argument',
      `A status is one of ${ORDER_STATUSES.join(', ')}: got "${unknown}"`,
    );
  }
  const orders = userIds.map((): OrderView[] => []);
  if (userIds.length === 0) return orders;
  const values: (string | null)[] = [textArray(userIds.map(askable)), String(limit)];
  if (symbol !== undefined) values.push(askable(symbol));
  if (statuses !== undefined) values.push(textArray(statuses));
  const statement = statementFor(symbol !== undefined, statuses !== undefined);
  const rows = await session.query<{ n: string; packed: string | null }>(statement, values);
  for (const { n, packed } of rows) {
    const user = Number(n) - 1;
    const userId = userIds[user] ?? '';
    if (packed !== null) orders[user] = packed.split(ORDER).map((order) => unpack(order, userId));
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

function statementFor(bySymbol: boolean, byStatus: boolean): Statement {
  if (bySymbol) return byStatus ? USER_ORDERS.bySymbolAndStatus : USER_ORDERS.bySymbol;
  return byStatus ? USER_ORDERS.byStatus : USER_ORDERS.all;
}

/** Reads an order as {@link PACKED} wrote it. */
function unpack(packed: string, userId: string): OrderView {
  const fields = packed.split(FIELD);
  const createdAt = isoTime(at(fields, 8));
  const price = at(fields, 10);
  const updatedAt = at(fields, 11);
  const filled = at(fields, 12);
  const space = filled.indexOf(' ');
  const rareJson = at(fields, 13);
  const rare = rareJson === '' ? NOTHING_RARE : (JSON.parse(rareJson) as (string | null)[]);
  return {
    id: at(fields, 0),
    userId,
    symbol: at(fields, 1),
    side: at(fields, 2) as OrderSide,
    type: at(fields, 3) as OrderType,
    status: at(fields, 4) as OrderStatus,
    quantity: trimDecimal(at(fields, 9)),
    filledQuantity: filled === '' ? '0' : trimDecimal(filled.slice(0, space)),
    averagePrice: filled === '' ? null : trimDecimal(filled.slice(space + 1)),
    price: price === '' ? null : trimDecimal(price),
    stopPrice: trimmed(rare[0]),
    trailingAmount: trimmed(rare[1]),
    trailingPercent: trimmed(rare[2]),
    displayQuantity: trimmed(rare[3]),
    timeInForce: at(fields, 5) as TimeInForce,
    expiresAt: rare[4] == null ? null : isoTime(rare[4]),
    ocoGroupId: rare[5] ?? null,
    parentOrderId: rare[6] ?? null,
    holdAmount: trimmed(rare[7]),
    placed: at(fields, 6) === 't',
    rejectCode: rare[8] ?? null,
    version: Number(at(fields, 7)),
    createdAt,
    updatedAt: updatedAt === '' ? createdAt : isoTime(updatedAt),
  };
}

const at = (fields: readonly string[], place: number): string => fields[place] ?? '';

const NOTHING_RARE: readonly (string | null)[] = [];

function trimmed(value: string | null | undefined): string | null {
  return value == null ? null : trimDecimal(value);
}
