import { textArray } from '../database/sql/arrays.ts';
import type { Database } from '../database/database.ts';
import type { Pincex } from '../index.ts';
import { newId } from './books/accounts.ts';
import { interleave, median, medianRatio, rounded, timed } from './timing.ts';

/** Two statements that set many statuses; the second is that of the engine. */
export interface StatusUpdateRow {
  readonly items: number;
  readonly caseMs: number;
  readonly unnestMs: number;
  /** The ratio of the CASE form to the other. */
  readonly ratio: number;
}

interface OrderKey {
  readonly userId: string;
  readonly id: string;
}

const updateByUnnest = {
  name: 'bench-update-by-unnest',
  text: `
    UPDATE orders o
    SET status = new.status, version = o.version + 1, updated_at = $4::timestamptz
    FROM unnest($1::text[], $2::text[], $3::text[]) AS new (user_id, id, status)
    WHERE o.user_id = new.user_id AND o.id = new.id`,
};

/**
 * The CASE form of the guide: the statement grows with the batch, and each row is compared with all branches before its own.
 */
const updateByCase = (items: number) => ({
  name: `bench-update-by-case-${items}`,
  text: `
    UPDATE orders
    SET status = CASE id ${Array.from({ length: items }, (_, n) => `WHEN $${2 * n + 3} THEN $${2 * n + 4}`).join(' ')} END,
      version = version + 1, updated_at = $1::timestamptz
    WHERE user_id = $2
      AND id IN (${Array.from({ length: items }, (_, n) => `$${2 * n + 3}`).join(', ')})`,
});

/**
 * Compares the two on orders without holds, of a user of its own, so that their statuses can change back and forth.
 */
export async function measureStatusUpdates(
  pincex: Pincex,
  database: Database,
  sizes: readonly number[],
  budgetMs: number,
): Promise<StatusUpdateRow[]> {
  const orders = await makeOrders(pincex, Math.max(...sizes));
  const rows: StatusUpdateRow[] = [];
  for (const items of sizes) {
    const some = orders.slice(0, items);
    let round = 0;
    const nextStatus = () => (round++ % 2 === 0 ? 'cancelled' : 'expired');
    const now = new Date().toISOString();
    const byCase = updateByCase(items);
    const measured = await interleave(
      {
        case: () => {
          const status = nextStatus();
          const values = [now, some[0]?.userId ?? '', ...some.flatMap(({ id }) => [id, status])];
          return timed(() => database.query(byCase, values));
        },
        unnest: () => {
          const status = nextStatus();
          const values = [
            textArray(some.map(({ userId }) => userId)),
            textArray(some.map(({ id }) => id)),
            textArray(some.map(() => status)),
            now,
          ];
          return timed(() => database.query(updateByUnnest, values));
        },
      },
      budgetMs / sizes.length,
    );
    rows.push({
      items,
      caseMs: rounded(median(measured.case)),
      unnestMs: rounded(median(measured.unnest)),
      ratio: rounded(medianRatio(measured.case, measured.unnest)),
    });
  }
  return rows;
}

async function makeOrders({ trading }: Pincex, count: number): Promise<OrderKey[]> {
  const userId = `bench-${newId()}`;
  const orders = Array.from({ length: count }, () => ({
    id: newId(),
    userId,
    symbol: 'BTC/USD',
    side: 'buy' as const,
    type: 'limit' as const,
    quantity: '1',
    price: '1.00',
  }));
  await trading.batchCreateOrders(orders);
  return orders;
}
