import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatalogStore } from '../../src/catalog/store.ts';
import { Database } from '../../src/database/database.ts';
import { Engine, type Strategy } from '../../src/engine/engine.ts';
import type { Pincex } from '../../src/index.ts';
import { expectSame, expectSameResults, table, type ShownBooks } from '../model/compare.ts';
import { money, plans, Sender, world, type Batch } from '../model/generate.ts';
import { Model } from '../model/model.ts';
import { configOf, expectBalanced, isLong, openBooks } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** Random batches through the engine on a real PostgreSQL give the results and the tables of the model. */

const SEQUENCES = isLong ? 3_000 : 30;
const TABLES = ['accounts', 'journal', 'holds', 'orders', 'trades', 'transactions', 'operations'];

let database: TestDatabase;
let pincex: Pincex;
let pool: Database;
let catalog: CatalogStore;

beforeAll(async () => {
  database = await createTestDatabase();
  pincex = await openBooks(database.url);
  for (const { symbol, tick, lot, minNotional } of world.markets) {
    await pincex.catalog.addMarket(symbol, tick, lot, minNotional);
  }
  const { pool: settings } = configOf(database.url).database;
  pool = new Database({ url: database.url, ...settings, queryHints: true });
  catalog = new CatalogStore(pool);
});
afterAll(async () => {
  await pool.close();
  await pincex.close();
  await database.drop();
});

async function runBatch(engine: Engine, { items, mode }: Batch) {
  return engine.run('mixed', items, { mode });
}

async function shownTables(): Promise<ShownBooks> {
  const rows = async (text: string): Promise<(string | null)[][]> =>
    (await pool.query<Record<string, string | null>>({ name: text.slice(0, 60), text })).map((row) =>
      Object.values(row),
    );
  const trimmed = (text: string | null): string =>
    (text ?? '').includes('.') ? (text ?? '').replace(/\.?0+$/, '') : (text ?? '');
  const [accounts, holds, orders, operations] = [
    await rows(`SELECT user_id || ' ' || currency, available, locked, version FROM accounts`),
    await rows(
      `SELECT user_id || ' ' || order_id || ' ' || currency, amount, placed, to_char(expires_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') FROM holds`,
    ),
    await rows(
      `SELECT user_id || ' ' || id, status, filled_quantity, filled_value, placed, version FROM orders`,
    ),
    await rows(`SELECT concat_ws(' ', user_id, kind, id), type FROM operations`),
  ];
  const shown = (
    all: (string | null)[][],
    show: (row: (string | null)[]) => unknown,
  ): Record<string, unknown> =>
    table(
      all.map((row) => [row[0]!, row]),
      show,
    );
  return {
    accounts: shown(accounts, ([, a, l, version]) => [trimmed(a!), trimmed(l!), Number(version)]),
    holds: shown(holds, ([, amount, placed, until]) => [trimmed(amount!), placed === 't', until]),
    orders: shown(orders, ([, status, filled, value, placed, version]) => [
      status,
      trimmed(filled!),
      trimmed(value!),
      placed === 't',
      Number(version),
    ]),
    operations: shown(operations, ([, type]) => [type]),
  };
}

describe.each<Strategy>(['guard', 'lock', 'auto'])('the engine with the strategy %s', (strategy) => {
  const runs = strategy === 'auto' ? SEQUENCES / 3 : SEQUENCES;
  let sequences = 0;

  it(`the engine leaves the tables of the model after ${runs} random sequences of batches`, async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (sequence) => {
        await pool.query({ name: 'truncate', text: `TRUNCATE ${TABLES.join(', ')}` });
        // The marks tell emptied books from new ones; here the books begin anew.
        await pool.query({ name: 'drop-mark', text: 'ALTER TABLE beginnings DISABLE TRIGGER append_only' });
        await pool.query({ name: 'truncate-mark', text: 'TRUNCATE beginnings' });
        const engine = new Engine(pool, catalog, strategy);
        const model = new Model(world);
        const sender = new Sender(model);
        const run = async (batch: Batch): Promise<void> => {
          const expected = model.run(batch.items, batch.mode);
          const { results } = await runBatch(engine, batch);
          expectSameResults(batch, results, expected);
        };
        await run(money);
        for (const plan of sequence) await run(sender.batchOf(plan));
        expectSame(await shownTables(), model.shown());
        await expectBalanced(pincex);
        sequences++;
      }),
      // Shrinking would take as long as all runs together; the seed is enough to repeat a failure.
      { numRuns: runs, endOnFailure: true },
    );
    expect(sequences).toBe(runs);
  }, 3_600_000);
});
