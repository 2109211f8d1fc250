import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RecordingDatabase, type Recorded } from '../../src/bench/recording.ts';
import { CatalogStore } from '../../src/catalog/store.ts';
import { commands, type CommandType } from '../../src/commands/index.ts';
import { Engine, type Strategy } from '../../src/engine/engine.ts';
import { configOf } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { grow, userOf } from './grow.ts';
import { scansOf } from './scans.ts';

const SIZES = [1, 50, 500, 5_000];
const STRATEGIES: readonly Strategy[] = ['guard', 'lock'];

/** Items that name rows which are there, and rows that they make. */
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

describe('plans of batches on a table of 1,000,000 accounts', { timeout: 120_000 }, () => {
  let grown: TestDatabase;
  let empty: TestDatabase;
  let vacuumed: TestDatabase;
  let database: RecordingDatabase;
  /** What every kind of batch sends, at every size, both ways. */
  let statements: Recorded[];

  beforeAll(async () => {
    [grown, empty, vacuumed] = await Promise.all([
      createTestDatabase(),
      createTestDatabase(),
      createTestDatabase(),
    ]);
    await withClient(grown.url, grow);
    database = new RecordingDatabase(options(grown.url));
    statements = await recordAll(database);
  }, 120_000);

  afterAll(async () => {
    await database.close();
    await Promise.all([grown.drop(), empty.drop(), vacuumed.drop()]);
  });

  test('use the primary keys where the tables were never analyzed', async () => {
    await withSettings(grown.url, async (client) => {
      await prepare(client, statements);
      await expectPrimaryKeys(client, statements);
    });
  });

  test('use the primary keys once the tables are analyzed', async () => {
    await withSettings(grown.url, async (client) => {
      await client.query('ANALYZE');
      await prepare(client, statements);
      await expectPrimaryKeys(client, statements);
    });
  });

  test('use the primary keys where they were made while the tables were empty', async () => {
    await withSettings(empty.url, async (client) => {
      await prepare(client, statements);
      // Its first use makes the plan that a connection keeps.
      await expectPrimaryKeys(client, statements);
      await grow(client);
      await expectPrimaryKeys(client, statements);
    });
  });

  test('use the primary keys where the tables were vacuumed while they were empty', async () => {
    await withSettings(vacuumed.url, async (client) => {
      await client.query('VACUUM ANALYZE');
      await prepare(client, statements);
      await expectPrimaryKeys(client, statements);
    });
  });
});

async function recordAll(database: RecordingDatabase): Promise<Recorded[]> {
  const catalog = new CatalogStore(database);
  await catalog.get();
  const recorded: Recorded[] = [];
  for (const strategy of STRATEGIES) {
    const engine = new Engine(database, catalog, strategy);
    for (const [type, item] of Object.entries(ITEMS)) {
      for (const size of SIZES) {
        // Spread over the whole table: neighbours would be cheap to find by any plan.
        const items = Array.from({ length: size }, (_, n) => item(n * 19));
        const batch = await database.record(async () => {
          const { counts } = await engine.execute(items, (_, fields) =>
            commands[type as CommandType](fields),
          );
          expect(counts).toMatchObject({ applied: size });
        });
        recorded.push(...batch);
      }
    }
  }
  return recorded;
}

/** Prepares each statement once, under its own name, as the driver does. */
async function prepare(client: pg.Client, statements: readonly Recorded[]): Promise<void> {
  const texts = new Map(statements.map(({ statement }) => [statement.name, statement.text]));
  for (const [name, text] of texts) await client.query(`PREPARE "${name}" AS ${text}`);
}

async function expectPrimaryKeys(client: pg.Client, statements: readonly Recorded[]): Promise<void> {
  const wrong = new Map<string, unknown>();
  for (const recorded of statements) {
    for (const scan of await scansOf(client, recorded)) {
      // An update finds the place of its row by the key, and goes there.
      const isByKey =
        scan.node === 'Tid Scan' || (scan.node.startsWith('Index') && scan.index === `${scan.table}_pkey`);
      if (!isByKey || scan.condition === undefined)
        wrong.set(`${recorded.statement.name} ${scan.table}`, scan);
    }
  }
  expect(Object.fromEntries(wrong)).toEqual({});
}

function options(url: string) {
  return { url, ...configOf(url).database.pool, max: 1, queryHints: true };
}

/** A connection with the settings of the pool, taken from one of its own. */
async function withSettings(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const database = new RecordingDatabase(options(url));
  try {
    const settings = await database.query<{ setting: string }>({
      name: 'settings',
      text: `SELECT name || '=' || setting AS setting FROM pg_settings WHERE source = 'client' AND name !~ '^(application|client)'`,
    });
    expect(settings.map(({ setting }) => setting)).toContain('plan_cache_mode=force_generic_plan');
    await withClient(url, async (client) => {
      for (const { setting } of settings) {
        const [name, value] = setting.split('=') as [string, string];
        await client.query('SELECT set_config($1, $2, false)', [name, value]);
      }
      await work(client);
    });
  } finally {
    await database.close();
  }
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
