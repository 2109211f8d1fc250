import { expect, it, onTestFinished } from 'vitest';
import { CatalogStore } from '../../src/catalog/store.ts';

import { Database, type TransactionSession } from '../../src/database/database.ts';
import { Engine } from '../../src/engine/engine.ts';
import { configOf, expectApplied, funds, newUser, outcomes, useBooks } from '../support/books.ts';

/** Rows that are created after a batch has taken its locks and before it loads. */

const books = useBooks();

/** Calls `behindLocks` once, after the first locks of a transaction, and records the statements. */
class LateDatabase extends Database {
  readonly statements: string[] = [];
  #behindLocks: (() => Promise<void>) | undefined;

  constructor(url: string, behindLocks: () => Promise<void>) {
    super({ url, ...configOf(url).database.pool, queryHints: true });
    this.#behindLocks = behindLocks;
  }

  override transaction<Result>(work: (session: TransactionSession) => Promise<Result>): Promise<Result> {
    return super.transaction((session) =>
      work({
        ...session,
        query: async (statement, values) => {
          this.statements.push(statement.name.split(':')[0]!);
          if (statement.name.startsWith('load:')) {
            const make = this.#behindLocks;
            this.#behindLocks = undefined;
            await make?.();
          }
          return session.query(statement, values);
        },
      }),
    );
  }
}

const AGAIN = ['lock-accounts', 'lock-orders', 'load', 'lock-accounts', 'lock-orders', 'load', 'persist'];

it('an order placed after the locks and before the load is cancelled once it and its account are locked', async () => {
  const userId = await newUser(books.pincex, { USD: '100' });
  const order = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '1', price: '20' } as const;
  const database = new LateDatabase(books.url, async () => {
    expectApplied(await books.pincex.trading.batchPlaceOrders([{ ...order, id: 'o', userId }]));
  });
  onTestFinished(() => database.close());
  const engine = new Engine(database, new CatalogStore(database), 'lock');
  const batch = await engine.run('cancelOrder', [{ id: 'c', userId, orderId: 'o' }]);
  expect(outcomes(batch)).toEqual(['applied']);
  expect(database.statements).toEqual(AGAIN);
  expect(await funds(books.pincex, userId, 'USD')).toBe('100 / 0');
});

it('an account created after the locks and before the load is written once it is locked', async () => {
  const userId = await newUser(books.pincex, { USD: '100' });
  const [payee] = [`${userId}-payee`];
  const database = new LateDatabase(books.url, async () => {
    await books.pincex.bookkeeper.deposit({ id: 'd', userId: payee, currency: 'USD', amount: '1' });
  });
  onTestFinished(() => database.close());
  const engine = new Engine(database, new CatalogStore(database), 'lock');
  const transfer = { id: 't', userId, currency: 'USD', amount: '5', toUserId: payee };
  const batch = await engine.run('transfer', [transfer]);
  expect(outcomes(batch)).toEqual(['applied']);
  expect(database.statements).toEqual(AGAIN.filter((name) => name !== 'lock-orders'));
  expect(await funds(books.pincex, payee, 'USD')).toBe('6 / 0');
});
