import { isOpen } from '../books/orders.ts';
import type { OrderSide, OrderStatus } from '../books/rows.ts';
import type { Session } from '../database/database.ts';
import { isoMoment } from '../database/sql/time.ts';
import { trimDecimal } from '../money/amount.ts';
import { orderKeyArrays, requireOrderKeys, type OrderKey, type OwnedOrderKey } from './readArguments.ts';

/** One side of a trade, as callers see it. Amounts and prices are decimal strings. */
export interface TradeView {
  /** The id of the trade, the same for both sides. */
  readonly id: string;
  /** The user of this side. */
  readonly userId: string;
  /** The order of this side. */
  readonly orderId: string;
  /** The market, such as `BTC/USD`. */
  readonly symbol: string;
  /** Whether this side bought base or sold it. */
  readonly side: OrderSide;
  /** Amount of quote for one unit of base. */
  readonly price: string;
  /** Amount of base. */
  readonly quantity: string;
  /** The price paid for all of it, in quote. */
  readonly quoteAmount: string;
  /** Taken from the amount that this side received: in base for a buy, in quote for a sell. */
  readonly fee: string;
  /** `maker`: the order of this side was in the book first; `taker`: it came later and matched. */
  readonly liquidity: 'maker' | 'taker';
  /** The time of the trade, ISO 8601 in UTC. */
  readonly executedAt: string;
}

/** The columns of `trades t` that {@link toTradeView} takes. */
export const TRADE_COLUMNS = `
      t.user_id, t.id, t.side, t.symbol, t.price, t.quantity, t.quote_amount, t.fee, t.liquidity, t.executed_at`;

export const getTradesByOrders = {
  name: 'get-trades-by-orders',
  hints: ['IndexScan(own trades_order)', 'IndexScan(o orders_pkey)'],
  text: `
    SELECT k.n, o.status,${TRADE_COLUMNS}
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (user_id, order_id, n)
    CROSS JOIN LATERAL (
      SELECT * FROM trades own
      WHERE own.order_id = k.order_id AND own.order_id > '' AND own.user_id = k.user_id
      OFFSET 0
    ) AS t
    CROSS JOIN LATERAL (
      SELECT o.status FROM orders o WHERE o.user_id = k.user_id AND o.id = k.order_id OFFSET 0
    ) AS o
    ORDER BY k.n, t.executed_at, t.id`,
};

/**
 * Stops counting at the limit, and reads the index alone. If an id without a user names orders of several users, the trades of
 * two of them are counted; the read itself then refuses the id.
 */
export const countTradesOfOrders = {
  name: 'count-trades-of-orders',
  hints: ['IndexOnlyScan(own trades_order)', 'IndexScan(same orders_id)'],
  text: `
    SELECT count(*) AS found
    FROM (
      SELECT
      FROM unnest($1::text[], $2::text[]) AS k (user_id, order_id)
      CROSS JOIN LATERAL (
        SELECT k.user_id WHERE k.user_id IS NOT NULL
        UNION ALL
        (SELECT same.user_id FROM orders same WHERE k.user_id IS NULL AND same.id = k.order_id AND same.id > '' LIMIT 2)
      ) AS u
      CROSS JOIN LATERAL (
        SELECT FROM trades own WHERE own.order_id = k.order_id AND own.order_id > '' AND own.user_id = u.user_id
        OFFSET 0
      ) AS t
      LIMIT $3
    ) AS counted`,
};

/** {@link TRADE_COLUMNS} */
export interface TradeViewRow {
  user_id: string;
  id: string;
  side: OrderSide;
  symbol: string;
  price: string;
  quantity: string;
  quote_amount: string;
  fee: string;
  liquidity: 'maker' | 'taker';
  executed_at: string;
}

interface Row extends TradeViewRow {
  n: string;
  status: OrderStatus;
}

/** The trades of an order, oldest first. */
export interface OrderTrades {
  readonly trades: readonly TradeView[];
  /** Whether the order has ended, so that it will have no further trades. */
  readonly isFinal: boolean;
}

/**
 * The trades of each order, in the order of the keys.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function readTradesByOrderIds(
  session: Session,
  orderIds: readonly OwnedOrderKey[],
): Promise<OrderTrades[]> {
  requireOrderKeys('orderIds', orderIds);
  const lists = orderIds.map(() => ({ trades: [] as TradeView[], hasEnded: true }));
  if (orderIds.length > 0) {
    const rows = await session.query<Row>(getTradesByOrders, orderKeyArrays(orderIds));
    for (const row of rows) {
      const place = Number(row.n) - 1;
      const [key, list] = [orderIds[place], lists[place]];
      if (key === undefined || list === undefined) continue;
      list.trades.push(toTradeView(row, key.id));
      if (isOpen(row.status)) list.hasEnded = false;
    }
  }
  return lists.map(({ trades, hasEnded }) => ({ trades, isFinal: trades.length > 0 && hasEnded }));
}

/**
 * How many trades the orders have. An order that is listed twice counts twice.
 *
 * @param most the count stops here, so a result of `most` means this many or more
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function countTrades(
  session: Session,
  orderIds: readonly OrderKey[],
  most: number,
): Promise<number> {
  requireOrderKeys('orderIds', orderIds);
  const values = [...orderKeyArrays(orderIds), String(most)];
  const [row] = await session.query<{ found: string }>(countTradesOfOrders, values);
  return Number(row?.found);
}

export function toTradeView(row: TradeViewRow, orderId: string): TradeView {
  return {
    id: row.id,
    userId: row.user_id,
    orderId,
    symbol: row.symbol,
    side: row.side,
    price: trimDecimal(row.price),
    quantity: trimDecimal(row.quantity),
    quoteAmount: trimDecimal(row.quote_amount),
    fee: trimDecimal(row.fee),
    liquidity: row.liquidity,
    executedAt: isoMoment(row.executed_at),
  };
}
