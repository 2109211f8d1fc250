import type { Pincex } from '../pincex.ts';
import { MARKET_MAKER } from './users.ts';

/** The number of open orders of a market in the tables, without those of the market maker. */
export async function countOpenOrders(pincex: Pincex, symbol: string): Promise<number> {
  return pincex.transaction(async ({ client }) => {
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) AS count
       FROM orders
       WHERE symbol = $1 AND user_id <> $2 AND status IN ('open', 'partially_filled')`,
      [symbol, MARKET_MAKER],
    );
    return Number(rows[0]?.count);
  });
}
