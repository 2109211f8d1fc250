import { ORDER_STATUSES } from '../books/orders.ts';
import type { OrderStatus } from '../books/rows.ts';
import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import type { Statement } from '../database/statement.ts';
import { orderWith, toOrderView, type OrderView, type OrderViewRow } from './orders.ts';
import {
  beyond,
  inBothDirections,
  rangeOf,
  readPage,
  TOP_TIME,
  type Direction,
  type Page,
  type PageOptions,
  type TimeRange,
} from './page.ts';
import { storableKey } from './readArguments.ts';

const listed = orderWith({});

/** The rows of the index that a page reads, in its order. */
const rowsOf = (direction: Direction, filter: string): string => {
  const { than, order } = beyond(direction);
  return `SELECT * FROM orders o
        WHERE o.user_id = $1 AND (o.created_at, o.id) ${than} ($2, $3) AND o.created_at >= $4 AND o.created_at < $5
          AND ${filter}
        ORDER BY o.created_at ${order}, o.id ${order}
        LIMIT $6`;
};

const pages = (name: string, index: string, from: (direction: Direction) => string) =>
  inBothDirections((direction): Statement => {
    const { order } = beyond(direction);
    return {
      name: `get-${direction}-${name}`,
      hints: [`IndexScan(o ${index})`],
      rowMode: 'array',
      text: `
    SELECT ${listed.list}
    FROM ${from(direction)}
    ORDER BY o.created_at ${order}, o.id ${order}
    LIMIT $6`,
    };
  });

/** As in `getUserOrdersBy`, each status is read by itself, so that the number of rows read is bounded by the limit. */
const eachStatus = (direction: Direction, filter: string): string => `unnest($7::text[]) AS s (status)
      CROSS JOIN LATERAL (
        ${rowsOf(direction, `o.status = s.status AND ${filter}`)}
      ) AS o`;

/** The pages of the orders of a user, for each combination of filters. */
export const orderPages = {
  all: pages(
    'orders',
    'orders_user_created',
    (direction) => `(
        ${rowsOf(direction, "o.user_id > ''")}
      ) AS o`,
  ),
  byStatus: pages('orders-by-status', 'orders_user_status', (direction) =>
    eachStatus(direction, "o.status > ''"),
  ),
  bySymbol: pages('orders-by-symbol', 'orders_user_symbol', (direction) =>
    eachStatus(direction, "o.symbol = $8 AND o.symbol > ''"),
  ),
};

export interface OrderFilter extends TimeRange {
  /** Only orders in these states. Default: all states. */
  readonly statuses?: readonly OrderStatus[] | undefined;
  /** Only orders of this market. Default: all markets. */
  readonly symbol?: string | undefined;
}

/**
 * A page of the orders of a user, newest first.
 *
 * @throws PincexError `invalid_argument`
 */
export function readOrderPage(
  session: Session,
  userId: string,
  { statuses, symbol, from, to, ...options }: OrderFilter & PageOptions,
): Promise<Page<OrderView>> {
  const range = rangeOf({ from, to });
  const statements =
    symbol !== undefined
      ? orderPages.bySymbol
      : statuses !== undefined
        ? orderPages.byStatus
        : orderPages.all;
  const filters = [
    ...(statements === orderPages.all ? [] : [textArray([...new Set(statuses ?? ORDER_STATUSES)])]),
    ...(symbol === undefined ? [] : [storableKey(symbol)]),
  ];
  return readPage(
    {
      name: 'orders',
      owner: [userId],
      top: [TOP_TIME, ''],
      keyOf: ({ createdAt, id }) => [createdAt, id],
      read: async (direction, key, limit) => {
        const values = [storableKey(userId), ...key.map(String), ...range, String(limit), ...filters];
        const rows = await session.query<OrderViewRow>(statements[direction], values);
        return rows.map((row) => toOrderView(row, userId));
      },
    },
    options,
  );
}
