import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CatalogStore } from '../../src/catalog/store.ts';
import { Database } from '../../src/database/database.ts';
import type { Statement } from '../../src/database/statement.ts';
import { Engine } from '../../src/engine/engine.ts';
import { configOf, expectApplied, fresh, funds, newUser, outcomes, useBooks } from '../support/books.ts';

const books = useBooks();

/** Rewrites a table, which moves its rows, after a batch has read them and before it writes. */
class RewritingDatabase extends Database {
  readonly #url: string;
  #table: string | undefined;

  constructor(url: string, table: string) {
    const { pool } = configOf(url).database;
    super({ url, ...pool, queryHints: true });
    this.#url = url;
    this.#table = table;
  }

  override async query<Row>(statement: Statement, values?: readonly (string | null)[]): Promise<Row[]> {
    if (statement.name.startsWith('persist:') && this.#table !== undefined) {
      const client = new pg.Client({ connectionString: this.#url });
      await client.connect();
      await client.query(`VACUUM FULL ${this.#table}`);
      await client.end();
      this.#table = undefined;
    }
    return super.query<Row>(statement, values);
  }
}

describe('a batch whose rows are moved between its reading and its writing', () => {
  it.each(['accounts', 'holds'])(
    'an unlock takes from its hold although VACUUM FULL %s has moved the row',
    async (table) => {
      const userId = await newUser(books.pincex, { USD: '100' });
      const of = (orderId: string, amount: string) => ({
        id: fresh('op'),
        userId,
        currency: 'USD',
        amount,
        orderId,
      });
      // Earlier rows leave gaps, which the rewrite closes.
      expectApplied(await books.pincex.bookkeeper.batchLockFunds([of('a', '10'), of('b', '10')]));
      expectApplied(await books.pincex.bookkeeper.batchLockFunds([of('c', '10'), of('d', '10')]));
      expectApplied(await books.pincex.bookkeeper.batchUnlockFunds([of('a', '10'), of('b', '10')]));

      const database = new RewritingDatabase(books.url, table);
      onTestFinished(() => database.close());
      const engine = new Engine(database, new CatalogStore(database));
      const unlocked = await engine.run('unlockFunds', [of('c', '4'), of('d', '10')]);
      expect(outcomes(unlocked)).toEqual(['applied', 'applied']);
      expect(await funds(books.pincex, userId, 'USD')).toBe('94 / 6');
      expect(
        await books.sql('SELECT order_id, amount::text FROM holds WHERE user_id = $1', [userId]),
      ).toEqual([{ order_id: 'c', amount: '6.00' }]);
    },
  );

  it('an update changes its order although VACUUM FULL orders has moved the row', async () => {
    const userId = await newUser(books.pincex);
    const ids = [fresh('o'), fresh('o')];
    for (const id of ids) {
      const order = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '1', price: '20' } as const;
      expectApplied(await books.pincex.trading.batchCreateOrders([{ id, userId, ...order }]));
    }
    const update = (orderId: string, status: string) => ({ id: fresh('op'), userId, orderId, status });
    const database = new RewritingDatabase(books.url, 'orders');
    onTestFinished(() => database.close());
    const engine = new Engine(database, new CatalogStore(database));
    const run = (...updates: ReturnType<typeof update>[]) => engine.run('updateOrderStatus', updates);
    expect(outcomes(await run(update(ids[0]!, 'cancelled')))).toEqual(['applied']);
    expect(outcomes(await run(update(ids[1]!, 'cancelled')))).toEqual(['applied']);
    const orders = await books.pincex.trading.batchGetOrdersByIds(ids);
    expect(orders.map((order) => [order?.status, order?.version])).toEqual([
      ['cancelled', 2],
      ['cancelled', 2],
    ]);
  });
});
