import type { Session } from '../database/database.ts';
import { limits } from '../limits.ts';
import {
  beyond,
  inBothDirections,
  rangeOf,
  readPage,
  TOP_TIME,
  type Page,
  type PageOptions,
  type TimeRange,
} from './page.ts';
import { storableKey, type OwnedOrderKey } from './readArguments.ts';
import { TRADE_COLUMNS, toTradeView, type TradeView, type TradeViewRow } from './trades.ts';

const COLUMNS = `t.order_id,${TRADE_COLUMNS}`;

/** The pages of the trades of a user: by the index on the time, and in it the few trades of one moment by their ids. */
export const userTradePages = inBothDirections((direction) => {
  const { than, order } = beyond(direction);
  return {
    name: `get-${direction}-trades`,
    hints: ['IndexScan(t trades_user)'],
    text: `
    SELECT ${COLUMNS}
    FROM trades t
    WHERE t.user_id = $1 AND t.user_id > '' AND (t.executed_at, t.id, t.side) ${than} ($2, $3, $4)
      AND t.executed_at >= $5 AND t.executed_at < $6 AND ($8::text IS NULL OR t.symbol = $8)
    ORDER BY t.executed_at ${order}, t.id ${order}, t.side ${order}
    LIMIT $7`,
  };
});

/** The pages of the trades of an order. */
export const orderTradePages = inBothDirections((direction) => {
  const { than, order } = beyond(direction);
  return {
    name: `get-${direction}-trades-of-order`,
    hints: ['IndexScan(t trades_order)'],
    text: `
    SELECT ${COLUMNS}
    FROM trades t
    WHERE t.order_id = $1 AND t.order_id > '' AND t.user_id = $2 AND (t.executed_at, t.id) ${than} ($3, $4)
    ORDER BY t.executed_at ${order}, t.id ${order}
    LIMIT $5`,
  };
});

/** The trades of any users with an id. */
export const getTradesById = {
  name: 'get-trades-by-id',
  text: `
    SELECT ${COLUMNS}
    FROM trades_with_id($1) AS t
    ORDER BY t.user_id, t.side
    LIMIT ${limits.reads.sameIds}`,
};

type Row = TradeViewRow & { order_id: string };
const toView = (row: Row): TradeView => toTradeView(row, row.order_id);

export interface TradeFilter extends TimeRange {
  /** Only trades of this market. Default: all markets. */
  readonly symbol?: string | undefined;
}

/**
 * A page of the trades of a user, newest first.
 *
 * @throws PincexError `invalid_argument`
 */
export function readTradePage(
  session: Session,
  userId: string,
  { symbol, from, to, ...options }: TradeFilter & PageOptions,
): Promise<Page<TradeView>> {
  const range = rangeOf({ from, to });
  const market = symbol === undefined ? null : storableKey(symbol);
  return readPage(
    {
      name: 'trades',
      owner: [userId],
      top: [TOP_TIME, '', ''],
      keyOf: ({ executedAt, id, side }) => [executedAt, id, side],
      read: async (direction, key, limit) => {
        const values = [storableKey(userId), ...key.map(String), ...range, String(limit), market];
        return (await session.query<Row>(userTradePages[direction], values)).map(toView);
      },
    },
    options,
  );
}

/**
 * A page of the trades of an order, newest first.
 *
 * @throws PincexError `invalid_argument`
 */
export function readOrderTradePage(
  session: Session,
  { userId, id: orderId }: OwnedOrderKey,
  options: PageOptions,
): Promise<Page<TradeView>> {
  const order = [storableKey(orderId), storableKey(userId)];
  return readPage(
    {
      name: 'trades',
      owner: [userId, orderId],
      top: [TOP_TIME, ''],
      keyOf: ({ executedAt, id }) => [executedAt, id],
      read: async (direction, key, limit) => {
        const values = [...order, ...key.map(String), String(limit)];
        return (await session.query<Row>(orderTradePages[direction], values)).map(toView);
      },
    },
    options,
  );
}

/** The sides of trades with an id, whichever users they are of. */
export async function readTradesById(session: Session, id: string): Promise<TradeView[]> {
  return (await session.query<Row>(getTradesById, [storableKey(id)])).map(toView);
}
