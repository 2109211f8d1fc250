import type { OrderSide } from '../books/rows.ts';
import { textArray } from '../database/sql/arrays.ts';
import type { Session } from '../database/database.ts';
import { limits } from '../limits.ts';
import { trimDecimal } from '../money/amount.ts';
import { storableKey, requireKeys, requireLimit } from './readArguments.ts';

/** All orders of the book at one price. */
export interface BookLevel {
  /** Decimal string in quote. */
  readonly price: string;
  /** Decimal string in base: the quantity that is left to fill; an iceberg counts with the part that it displays. */
  readonly quantity: string;
  /** The number of orders at this price. */
  readonly orders: number;
}

export interface OrderBook {
  /** The market, such as `BTC/USD`. */
  readonly symbol: string;
  /** Levels of buy orders, the highest price first. */
  readonly bids: readonly BookLevel[];
  /** Levels of sell orders, the lowest price first. */
  readonly asks: readonly BookLevel[];
}

/**
 * Each side is an index scan from the best price, which stops at the last level that is asked for. The levels keep the
 * order of the LATERAL query without an outer ORDER BY, since a LIMIT for each row leaves only a nested loop as the plan.
 */
const side = (side: OrderSide, direction: 'ASC' | 'DESC'): string => `
    SELECT k.n, '${side}' AS side, level.*
    FROM unnest($1::text[]) WITH ORDINALITY AS k (symbol, n)
    CROSS JOIN LATERAL (
      SELECT o.price, sum(least(o.quantity - o.filled_quantity, o.display_quantity)) AS quantity,
        count(*) AS orders
      FROM orders o
      WHERE o.symbol = k.symbol AND o.side = '${side}' AND o.status IN ('open', 'partially_filled')
        AND o.price IS NOT NULL
      GROUP BY o.price
      ORDER BY o.price ${direction}
      LIMIT $2
    ) AS level`;

export const getOrderBooks = {
  name: 'get-order-books',
  hints: ['IndexScan(o orders_book)'],
  text: `${side('buy', 'DESC')}
    UNION ALL${side('sell', 'ASC')}`,
};

interface Row {
  n: string;
  side: OrderSide;
  price: string;
  quantity: string;
  orders: string;
}

/**
 * The books of several markets, aggregated by price, in the order of the symbols. The book of a market without orders is
 * empty.
 *
 * @param depth price levels on each side, 1 to 1,000
 * @throws PincexError `invalid_argument`, `batch_too_large`
 */
export async function readOrderBooks(
  session: Session,
  symbols: readonly string[],
  depth: number,
): Promise<OrderBook[]> {
  requireKeys('symbols', symbols);
  requireLimit('depth', depth, limits.reads.bookDepth.most);
  const books = symbols.map((symbol) => ({ symbol, bids: [] as BookLevel[], asks: [] as BookLevel[] }));
  if (symbols.length === 0) return books;
  const rows = await session.query<Row>(getOrderBooks, [textArray(symbols.map(storableKey)), String(depth)]);
  for (const row of rows) {
    const book = books[Number(row.n) - 1];
    (row.side === 'buy' ? book?.bids : book?.asks)?.push({
      price: trimDecimal(row.price),
      quantity: trimDecimal(row.quantity),
      orders: Number(row.orders),
    });
  }
  return books;
}
