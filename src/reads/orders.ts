import { ORDER_STATUSES } from '../books/orders.ts';
import type { OrderSide, OrderStatus, OrderType, TimeInForce } from '../books/rows.ts';
import { textArray } from '../database/sql/arrays.ts';
import { inLines } from '../database/sql/columns.ts';
import type { Session } from '../database/database.ts';
import { selection } from '../database/sql/selection.ts';
import type { Statement } from '../database/statement.ts';
import { isoMoment, isoTime } from '../database/sql/time.ts';
import { describe } from '../describe.ts';
import { PincexError } from '../errors.ts';
import { limits } from '../limits.ts';
import { trimDecimal } from '../money/amount.ts';
import {
  storableKey,
  orderKeyArrays,
  requireKeys,
  requireLimit,
  requireOrderKeys,
  type OrderKey,
} from './readArguments.ts';
import { toVersion } from './version.ts';

/** An order as callers see it. Amounts and prices are decimal strings, times ISO 8601 in UTC. */
export interface OrderView {
  /** Unique among the orders of its user. */
  readonly id: string;
  /** The user who owns it. */
  readonly userId: string;
  /** The market, such as `BTC/USD`. */
  readonly symbol: string;
  /** Whether it buys base or sells it. */
  readonly side: OrderSide;
  /** The type, which decides how its price is set. */
  readonly type: OrderType;
  /** Its state, such as `open` or `filled`. */
  readonly status: OrderStatus;
  /** The ordered amount of base. */
  readonly quantity: string;
  /** The amount of base that was traded so far. */
  readonly filledQuantity: string;
  /** The average price of all fills, rounded to 18 decimals; `null` before the first fill. */
  readonly averagePrice: string | null;
  /** The limit price, in quote; `null` if the type has none. */
  readonly price: string | null;
  /** The price that triggers a stop; `null` if the type has none. */
  readonly stopPrice: string | null;
  /** The distance of a trailing stop, in quote. */
  readonly trailingAmount: string | null;
  /** The distance of a trailing stop, in per cent. */
  readonly trailingPercent: string | null;
  /** The part of an iceberg that the book shows. */
  readonly displayQuantity: string | null;
  /** How long the order stays in force. */
  readonly timeInForce: TimeInForce;
  /** The time at which the sweeper expires it, ISO 8601 in UTC; `null`: never. */
  readonly expiresAt: string | null;
  /** The id of the OCO group: when one of its orders is filled, the others are to be cancelled. */
  readonly ocoGroupId: string | null;
  /** The order that this one belongs to. */
  readonly parentOrderId: string | null;
  /** The amount of quote that a buy without a limit price may spend. */
  readonly holdAmount: string | null;
  /** Whether its funds were held in the same step, by `batchPlaceOrders`. */
  readonly placed: boolean;
  /** The code of the rejection, if the order was rejected and recorded. */
  readonly rejectCode: string | null;
  /** Counts the changes of the order. */
  readonly version: number;
  /** The time at which it was made, ISO 8601 in UTC with microseconds. */
  readonly createdAt: string;
  /** The time of its last change, ISO 8601 in UTC. */
  readonly updatedAt: string;
}

/** Columns that are NULL for most orders. */
const RARE = {
  stop_price: 'o.stop_price::text',
  trailing_amount: 'o.trailing_amount::text',
  trailing_percent: 'o.trailing_percent::text',
  display_quantity: 'o.display_quantity::text',
  expires_at: 'o.expires_at::text',
  oco_group_id: 'o.oco_group_id',
  parent_order_id: 'o.parent_order_id',
  hold_amount: 'o.hold_amount::text',
  reject_code: 'o.reject_code',
};
const rareColumns = selection({ rare: RARE });

/**
 * The columns of `orders o` that {@link toOrderView} takes.
 *
 * A read of many orders is bound by the number of fields: each costs the server 80 ns to print and the driver 180 ns to
 * parse, and a NULL costs neither. Common values are therefore sent as NULL, rare columns as one JSON array, and rows as
 * arrays.
 */
const ORDER = {
  id: 'o.id',
  symbol: 'o.symbol',
  side: `nullif(o.side, 'buy')`,
  type: `nullif(o.type, 'limit')`,
  status: 'o.status',
  quantity: 'o.quantity',
  price: 'o.price',
  time_in_force: `nullif(o.time_in_force, 'gtc')`,
  placed: 'nullif(o.placed, true)',
  version: 'o.version',
  created_at: 'o.created_at',
  updated_at: 'nullif(o.updated_at, o.created_at)',
  filled_quantity: 'nullif(o.filled_quantity, 0)',
  average_price: 'CASE WHEN o.filled_quantity > 0 THEN round(o.filled_value / o.filled_quantity, 18) END',
  rare: `CASE WHEN num_nonnulls(${inLines(Object.keys(RARE).map((name) => `o.${name}`))}) > 0
    THEN json_build_array(${rareColumns.list}) END`,
};
const orderColumns = selection({ order: ORDER });

/** The columns of an order, followed by further ones of the statement. */
export const orderWith = <Own extends Readonly<Record<string, string>>>(own: Own) =>
  selection({ order: ORDER, own });

/** An order with the place of its key, and its user. */
export const ownedOrder = orderWith({ n: 'k.n', user_id: 'o.user_id' });
/** An order with the place of its user's key: the key is the user, so the row need not have it. */
const userOrder = orderWith({ n: 'k.n' });

export const getOrdersByIds: Statement = {
  name: 'get-orders-by-ids',
  hints: ['IndexScan(own orders_pkey)', 'IndexScan(same orders_id)'],
  rowMode: 'array',
  // For an id without a user, two rows are enough to know that it is ambiguous.
  text: `
      SELECT ${ownedOrder.list}
      FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, id, n)
      CROSS JOIN LATERAL (
        SELECT * FROM orders own WHERE own.user_id = k.user_id AND own.id = k.id
        UNION ALL
        (SELECT * FROM orders same WHERE k.user_id IS NULL AND same.id = k.id AND same.id > '' LIMIT 2)
      ) AS o
      ORDER BY k.n`,
};

/** The order of the index, so that no more rows are read than are returned. */
const NEWEST = 'ORDER BY o.created_at DESC, o.id DESC LIMIT $2';

/** The rows keep the order of the LATERAL query without an outer ORDER BY, since a LIMIT for each row leaves only a nested loop. */
const getUserOrders = (name: string, index: string, from: string): Statement => ({
  name,
  hints: [`IndexScan(o ${index})`],
  rowMode: 'array',
  text: `
    SELECT latest.*, k.n
    FROM unnest($1::text[]) WITH ORDINALITY AS k (user_id, n)
    CROSS JOIN LATERAL (
      SELECT ${orderColumns.list}
      FROM ${from}
      ${NEWEST}
    ) AS latest`,
});

/**
 * Reads the newest orders of each status, and takes the newest of these. The number of rows read is thereby bounded by the
 * limit, however many orders the user has in other statuses or on other markets.
 */
const inStatuses = (condition: string): string => `unnest($3::text[]) AS s (status)
      CROSS JOIN LATERAL (
        SELECT * FROM orders o
        WHERE o.user_id = k.user_id AND o.status = s.status AND ${condition}
        ${NEWEST}
      ) AS o`;

/** The statements for the newest orders of users, one for each combination of filters. */
export const getUserOrdersBy = {
  all: getUserOrders(
    'get-user-orders',
    'orders_user_created',
    `orders o WHERE o.user_id = k.user_id AND o.user_id > ''`,
  ),
  byStatus: getUserOrders('get-user-orders-by-status', 'orders_user_status', inStatuses(`o.status > ''`)),
  bySymbol: getUserOrders(
    'get-user-orders-by-symbol',
    'orders_user_symbol',
    inStatuses(`o.symbol = $4 AND o.symbol > ''`),
  ),
};

export interface UserOrdersFilter {
  /** Only orders in these states. Default: all states. */
  readonly statuses?: readonly OrderStatus[] | undefined;
  /** Only orders of this market. Default: all markets. */
  readonly symbol?: string | undefined;
  /** How many of each user's newest orders to return. Default 100, at most 1,000. */
  readonly limit?: number | undefined;
}

/** The result for an id without a user that several users have an order of. */
export interface AmbiguousOrder {
  readonly id: string;
  /** Two of these users. */
  readonly users: readonly [string, string];
  /** There is no single row, so it has the version of a missing one. */
  readonly version: 0;
}

export type FoundOrder = OrderView | AmbiguousOrder | null;

export const isAmbiguous = (order: FoundOrder): order is AmbiguousOrder => order !== null && 'users' in order;

/**
 * The order, or `null` if it does not exist.
 *
 * @throws PincexError `ambiguous_id`
 */
export function theOrder(order: FoundOrder): OrderView | null {
  if (!isAmbiguous(order)) return order;
  const message = `Several users have an order ${order.id}, such as ${order.users.join(' and ')}: ask for { userId, id }`;
  throw new PincexError('ambiguous_id', message);
}

/**
 * The orders in the order of their keys; `null` for an order that does not exist.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function readOrdersByIds(session: Session, keys: readonly OrderKey[]): Promise<FoundOrder[]> {
  requireOrderKeys('ids', keys);
  const orders = new Array<FoundOrder>(keys.length).fill(null);
  if (keys.length === 0) return orders;
  for (const row of await session.query<OrderViewRow>(getOrdersByIds, orderKeyArrays(keys))) {
    const place = Number(row[ownedOrder.at.own.n]) - 1;
    const order = toOrderView(row, row[ownedOrder.at.own.user_id] ?? '');
    const other = orders[place] ?? null;
    if (other === null) orders[place] = order;
    else if (!isAmbiguous(other)) {
      orders[place] = { id: order.id, users: [other.userId, order.userId], version: 0 };
    }
  }
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
  { statuses, symbol, limit = limits.reads.ordersPerUser.byDefault }: UserOrdersFilter = {},
): Promise<OrderView[][]> {
  requireKeys('userIds', userIds);
  requireLimit('limit', limit, limits.reads.ordersPerUser.most);
  const orders = userIds.map((): OrderView[] => []);
  if (userIds.length === 0) return orders;
  // Repeated statuses are read once, and a list of all statuses is no filter.
  const asked = [...new Set(statuses ?? ORDER_STATUSES)];
  const values: (string | null)[] = [textArray(userIds.map(storableKey)), String(limit)];
  const isUnfiltered = symbol === undefined && asked.length === ORDER_STATUSES.length;
  if (!isUnfiltered) values.push(textArray(asked));
  if (symbol !== undefined) values.push(storableKey(symbol));
  const statement = isUnfiltered
    ? getUserOrdersBy.all
    : getUserOrdersBy[symbol === undefined ? 'byStatus' : 'bySymbol'];
  const rows = await session.query<OrderViewRow>(statement, values);
  for (const row of rows) {
    const user = Number(row[userOrder.at.own.n]) - 1;
    orders[user]?.push(toOrderView(row, userIds[user] ?? ''));
  }
  return orders;
}

/**
 * Checks the states of a filter.
 *
 * @returns a copy
 * @throws PincexError `invalid_argument`
 */
export function requireStatuses(statuses: unknown): OrderStatus[] {
  return requireKeys('statuses', statuses).map((status) => {
    const known = ORDER_STATUSES.find((one) => one === status);
    if (known !== undefined) return known;
    const message = `A status is one of ${ORDER_STATUSES.join(', ')}: got ${describe(status)}`;
    throw new PincexError('invalid_argument', message);
  });
}

/** {@link orderWith} */
export type OrderViewRow = readonly (string | null)[];

export function toOrderView(row: OrderViewRow, userId: string): OrderView {
  const at = orderColumns.at.order;
  const inRare = rareColumns.at.rare;
  const json = row[at.rare];
  const rare = json == null ? NOTHING_RARE : (JSON.parse(json) as OrderViewRow);
  const createdAt = isoMoment(row[at.created_at] ?? '');
  const updatedAt = row[at.updated_at];
  const expiresAt = rare[inRare.expires_at];
  return {
    id: row[at.id] ?? '',
    userId,
    symbol: row[at.symbol] ?? '',
    side: (row[at.side] ?? 'buy') as OrderSide,
    type: (row[at.type] ?? 'limit') as OrderType,
    status: row[at.status] as OrderStatus,
    quantity: trimDecimal(row[at.quantity] ?? ''),
    filledQuantity: trimDecimal(row[at.filled_quantity] ?? '0'),
    averagePrice: trimmed(row[at.average_price]),
    price: trimmed(row[at.price]),
    stopPrice: trimmed(rare[inRare.stop_price]),
    trailingAmount: trimmed(rare[inRare.trailing_amount]),
    trailingPercent: trimmed(rare[inRare.trailing_percent]),
    displayQuantity: trimmed(rare[inRare.display_quantity]),
    timeInForce: (row[at.time_in_force] ?? 'gtc') as TimeInForce,
    expiresAt: expiresAt == null ? null : isoTime(expiresAt),
    ocoGroupId: rare[inRare.oco_group_id] ?? null,
    parentOrderId: rare[inRare.parent_order_id] ?? null,
    holdAmount: trimmed(rare[inRare.hold_amount]),
    placed: row[at.placed] == null,
    rejectCode: rare[inRare.reject_code] ?? null,
    version: toVersion(row[at.version] ?? '', 'order', userId, row[at.id] ?? ''),
    createdAt,
    updatedAt: updatedAt == null ? createdAt : isoMoment(updatedAt),
  };
}

const NOTHING_RARE: OrderViewRow = [];

function trimmed(value: string | null | undefined): string | null {
  return value == null ? null : trimDecimal(value);
}
