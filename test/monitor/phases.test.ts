import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readCurrencies, readMarkets } from '../../src/catalog/store.ts';
import { batchOperations } from '../../src/commands/operationNames.ts';
import { listen } from '../../src/diagnostics.ts';
import { readOperations } from '../../src/reads/operationNames.ts';
import type { Pincex, Strategy } from '../../src/index.ts';
import { statementsOfLoop } from '../../src/live/loopCost.ts';
import { fresh, newUser, openBooks } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** Statements that reload the catalog belong to no batch. */
const ANEW: readonly string[] = [readCurrencies.name, readMarkets.name];

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Books whose statements, BEGIN and COMMIT included, are counted beside the monitor. */
async function counted(strategy: Strategy): Promise<{ pincex: Pincex; statements: string[] }> {
  const statements: string[] = [];
  const pincex = await openBooks(database.url, { strategy });
  onTestFinished(() => pincex.close());
  const stop = listen(pincex.diagnostics.instance, {
    statement: ({ name }) => {
      if (!ANEW.includes(name)) statements.push(name);
    },
  });
  onTestFinished(stop);
  return { pincex, statements };
}

const withdrawal = (userId: string) => ({ id: fresh('w'), userId, currency: 'USD', amount: '1' });

describe('the statements and phases of an operation', () => {
  it.each(['guard', 'lock'] as const)(
    'with the strategy %s a batch has the statements that were sent for it, and phases within its duration',
    async (strategy) => {
      const { pincex, statements } = await counted(strategy);
      const userId = await newUser(pincex, { USD: '5' });
      await pincex.bookkeeper.batchWithdraw([withdrawal(userId)]);
      statements.length = 0;
      pincex.monitor.reset();
      await pincex.bookkeeper.batchWithdraw([withdrawal(userId), withdrawal(userId)]);
      const { totalMs, phaseMs, ...metrics } = pincex.monitor.getMetrics();
      expect(metrics.statements).toBe(statements.length);
      const { load, decide, persist, publish } = phaseMs;
      expect(Math.min(load, decide, persist)).toBeGreaterThan(0);
      // Figures have four digits.
      expect(load + decide + persist + publish).toBeLessThanOrEqual(totalMs * 1.001);
    },
  );

  it('in a transaction of the caller a batch has its own statements, with those of its savepoint', async () => {
    const { pincex, statements } = await counted('auto');
    const userId = await newUser(pincex, { USD: '5' });
    statements.length = 0;
    pincex.monitor.reset();
    await pincex.transaction(({ bookkeeper }) => bookkeeper.batchWithdraw([withdrawal(userId)]));
    const own = statements.filter((name) => name !== 'begin' && name !== 'commit');
    expect(own).toContain('savepoint');
    expect(pincex.monitor.getMetrics().statements).toBe(own.length);
  });

  it('a batch that fails has the statements that it sent until then', async () => {
    const { pincex, statements } = await counted('lock');
    const userId = await newUser(pincex, { USD: '5' });
    statements.length = 0;
    pincex.monitor.reset();
    await expect(
      pincex.transaction(async ({ bookkeeper, client }) => {
        await client.query('SELECT 1 / 0').catch(() => undefined);
        await bookkeeper.batchWithdraw([withdrawal(userId)]);
      }),
    ).rejects.toThrow();
    expect(pincex.monitor.getMetrics()).toMatchObject({ failed: 1, statements: 1 });
  });

  it('a read has one statement, or none if the cache has all of its keys', async () => {
    const { pincex, statements } = await counted('auto');
    const userId = await newUser(pincex, { USD: '5' });
    statements.length = 0;
    pincex.monitor.reset();
    for (let n = 0; n < 3; n++) await pincex.bookkeeper.batchGetAccounts([userId], ['USD']);
    const { byOperation } = pincex.monitor.getMetrics();
    expect(byOperation['batch_get_accounts']).toMatchObject({ operations: 3, statements: statements.length });
    expect(statements.length).toBeLessThan(3);
  });

  it('every batch and read has a number of statements that a loop of single calls would send', () => {
    for (const name of [...batchOperations, ...readOperations])
      expect([name, statementsOfLoop(name)]).toEqual([name, expect.any(Number)]);
    expect(statementsOfLoop('import_orders')).toBeUndefined();
  });
});
