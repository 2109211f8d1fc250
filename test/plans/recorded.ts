import { RecordingDatabase, type Recorded } from '../../src/bench/day/recording.ts';
import { CatalogStore } from '../../src/catalog/store.ts';
import type { CommandType } from '../../src/commands/index.ts';
import { Engine, type Strategy } from '../../src/engine/engine.ts';
import { configOf } from '../support/books.ts';
import { userOf } from './grow.ts';

const STRATEGIES: readonly Strategy[] = ['guard', 'lock'];

/** Items that name rows that exist, and rows that they make. */
const ITEMS: Partial<Record<CommandType, (n: number) => object>> = {
  deposit: (n) => ({ id: `new-${n}`, userId: userOf(n), currency: 'USD', amount: '1' }),
  lockFunds: (n) => ({
    id: `new-${n}`,
    userId: userOf(n),
    currency: 'USD',
    amount: '1',
    orderId: `new-${n}`,
  }),
  unlockFunds: (n) => ({
    id: `new-${n}`,
    userId: userOf(n),
    currency: 'USD',
    amount: n % 2 === 0 ? '1' : '10',
    orderId: `free-${n}`,
  }),
  placeOrder: (n) => ({
    id: `new-${n}`,
    userId: userOf(n),
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '1',
    price: '10.00',
  }),
  cancelOrder: (n) => ({ id: `new-${n}`, userId: userOf(n), orderId: `placed-${n}` }),
  updateOrderStatus: (n) => ({
    id: `new-${n}`,
    userId: userOf(n),
    orderId: `stored-${n}`,
    status: 'cancelled',
  }),
};

/** The statements that each kind of batch of this size sends, under both strategies. */
export async function recordBatches(url: string, size: number): Promise<readonly Recorded[]> {
  const database = new RecordingDatabase({ url, ...configOf(url).database.pool, max: 1, queryHints: true });
  try {
    const catalog = new CatalogStore(database);
    await catalog.get();
    const recorded: Recorded[] = [];
    for (const strategy of STRATEGIES) {
      const engine = new Engine(database, catalog, strategy);
      for (const [type, item] of Object.entries(ITEMS)) {
        const items = Array.from({ length: size }, (_, n) => item(n));
        const batch = await database.record(async () => {
          const { counts } = await engine.run(type as CommandType, items);
          if (counts.applied !== size) throw new Error(`${type}: ${counts.applied} of ${size} were applied`);
        });
        recorded.push(...batch);
      }
    }
    return recorded;
  } finally {
    await database.close();
  }
}

/** The first statement of each name. */
export function firstOfEach(statements: readonly Recorded[]): readonly Recorded[] {
  const byName = new Map<string, Recorded>();
  for (const recorded of statements) {
    if (!byName.has(recorded.statement.name)) byName.set(recorded.statement.name, recorded);
  }
  return [...byName.values()];
}
