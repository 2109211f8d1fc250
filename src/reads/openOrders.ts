import { textArray } from '../database/arrays.ts';
import type { Session } from '../database/database.ts';
import { storableKey, requireKeys } from './readArguments.ts';
import { ownedOrder, toOrderView, type OrderViewRow, type OrderView } from './orders.ts';

/** The orders that stand in the book of a market, each side in price-time priority: the one that trades first comes first. */
export interface OpenOrders {
  /** Their market, such as `BTC/USD`. */
  readonly symbol: string;
  /** Buyers, the highest price first. */
  readonly bids: readonly OrderView[];
  /** Sellers, the lowest price first. */
  readonly asks: readonly OrderView[];
}

/** What stands in the book of a market: `k.symbol` is one of those asked for. */
const STANDING = `
      SELECT * FROM orders o
      WHERE o.symbol = k.symbol AND o.status IN ('open', 'partially_filled') AND o.price IS NOT NULL
      OFFSET 0`;

/** An order has its place in time from when it came into the book: of a stop that is when it was triggered. */
export const getOpenOrders = {
  name: 'get-open-orders',
  hints: ['IndexScan(o orders_book)'],
  rowMode: 'array' as const,
  text: `
    SELECT ${ownedOrder.list}
    FROM unnest($1::text[]) WITH ORDINALITY AS k (symbol, n)
    CROSS JOIN LATERAL (${STANDING}
    ) AS o
    ORDER BY k.n, o.side, CASE o.side WHEN 'buy' THEN -o.price ELSE o.price END, coalesce(o.opened_at, o.created_at),
      o.id, o.user_id`,
};

/** Goes no further than the limit. */
export const countOpenOrders = {
  name: 'count-open-orders',
  hints: ['IndexScan(o orders_book)'],
  text: `
    SELECT count(*) AS found
    FROM (
      SELECT
      FROM unnest($1::text[]) AS k (symbol)
      CROSS JOIN LATERAL (${STANDING}
      ) AS o
      LIMIT $2
    ) AS counted`,
};

/**
 * All orders that stand in the books of these markets, in the order of the symbols, in price-time priority: what a
 * matching engine has to know when it starts. Stops that wait to be triggered do not stand there.
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
 * How many orders stand in the books of these markets.
 *
 * @param most where there are more, it is these
 */
export async function countStanding(
  session: Session,
  symbols: readonly string[],
  most: number,
): Promise<number> {
  requireKeys('symbols', symbols);
  const values = [textArray(symbols.map(storableKey)), String(most)];
  const [row] = await session.query<{ found: string }>(countOpenOrders, values);
  return Number(row?.found);
}
