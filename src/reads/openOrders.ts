import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { storableKey, requireKeys } from './readArguments.ts';
import { ownedOrder, toOrderView, type OrderViewRow, type OrderView } from './orders.ts';

/** The orders in the book of a market. Each side is in price-time priority: the order that trades first comes first. */
export interface OpenOrders {
  /** The market, such as `BTC/USD`. */
  readonly symbol: string;
  /** Buy orders, the highest price first. */
  readonly bids: readonly OrderView[];
  /** Sell orders, the lowest price first. */
  readonly asks: readonly OrderView[];
}

/** The orders in the book of the market `k.symbol`. */
const IN_BOOK = `
      SELECT * FROM orders o
      WHERE o.symbol = k.symbol AND o.status IN ('open', 'partially_filled') AND o.price IS NOT NULL
      OFFSET 0`;

/** An order's time priority begins when it enters the book: a stop enters when it is triggered, at `opened_at`. */
export const getOpenOrders = {
  name: 'get-open-orders',
  hints: ['IndexScan(o orders_book)'],
  rowMode: 'array' as const,
  text: `
    SELECT ${ownedOrder.list}
    FROM unnest($1::text[]) WITH ORDINALITY AS k (symbol, n)
    CROSS JOIN LATERAL (${IN_BOOK}
    ) AS o
    ORDER BY k.n, o.side, CASE o.side WHEN 'buy' THEN -o.price ELSE o.price END, coalesce(o.opened_at, o.created_at),
      o.id, o.user_id`,
};

/** Stops counting at the limit. */
export const countOpenOrders = {
  name: 'count-open-orders',
  hints: ['IndexScan(o orders_book)'],
  text: `
    SELECT count(*) AS found
    FROM (
      SELECT
      FROM unnest($1::text[]) AS k (symbol)
      CROSS JOIN LATERAL (${IN_BOOK}
      ) AS o
      LIMIT $2
    ) AS counted`,
};

/**
 * All orders in the books of these markets, in the order of the symbols, each side in price-time priority. A matching engine
 * needs them when it starts. A stop is in the book only once it has been triggered.
 *
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function readOpenOrders(session: Session, symbols: readonly string[]): Promise<OpenOrders[]> {
  requireKeys('symbols', symbols);
  const books = symbols.map((symbol) => ({ symbol, bids: [] as OrderView[], asks: [] as OrderView[] }));
  if (symbols.length === 0) return books;
  const rows = await session.query<OrderViewRow>(getOpenOrders, [textArray(symbols.map(storableKey))]);
  const at = ownedOrder.at.own;
  for (const row of rows) {
    const order = toOrderView(row, row[at.user_id] ?? '');
    const book = books[Number(row[at.n]) - 1];
    (order.side === 'buy' ? book?.bids : book?.asks)?.push(order);
  }
  return books;
}

/**
 * How many orders are in the books of these markets.
 *
 * @param most the count stops here, so a result of `most` means this many or more
 */
export async function countOrdersInBooks(
  session: Session,
  symbols: readonly string[],
  most: number,
): Promise<number> {
  requireKeys('symbols', symbols);
  const values = [textArray(symbols.map(storableKey)), String(most)];
  const [row] = await session.query<{ found: string }>(countOpenOrders, values);
  return Number(row?.found);
}
