import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { RecordingDatabase, type Recorded } from '../../src/bench/recording.ts';
import { CatalogStore } from '../../src/catalog/store.ts';
import { commands, type CommandType } from '../../src/commands/index.ts';
import type { DatabaseOptions } from '../../src/database/database.ts';
import { commentHints, settingHints, type Hints } from '../../src/database/hints.ts';
import { Engine, type Strategy } from '../../src/engine/engine.ts';
import { configOf } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { grow, userOf } from './grow.ts';
import { Preparation } from './preparation.ts';
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

/** Both ways to pin plans. A server may have pg_hint_plan; settings are then what is left where that is off. */
const WAYS = [
  { by: 'settings', hints: settingHints, options: '-c pg_hint_plan.enable_hint=off' },
  { by: 'pg_hint_plan', hints: commentHints, options: '-c pg_hint_plan.enable_hint=on' },
];

describe.each(WAYS)('plans of batches by $by on 1,000,000 accounts', (way) => {
  const { hints } = way;
  const optionsOf = (url: string): DatabaseOptions => {
    const withOptions = new URL(url);
    withOptions.searchParams.set('options', way.options);
    return { url: withOptions.href, ...configOf(url).database.pool, max: 1, queryHints: true };
  };
  let grown: TestDatabase;
  let empty: TestDatabase;
  let vacuumed: TestDatabase;
  let database: RecordingDatabase;
  /** What every kind of batch sends, at every size, both ways. */
  let statements: Recorded[];
  let isMissing = false;

  beforeAll(async () => {
    isMissing = hints === commentHints && !(await hasHintPlan());
    if (isMissing) return;
    [grown, empty, vacuumed] = await Promise.all([
      createTestDatabase(),
      createTestDatabase(),
      createTestDatabase(),
    ]);
    await withClient(grown.url, grow);
    database = new RecordingDatabase(optionsOf(grown.url));
    statements = await recordAll(database);
  });

  beforeEach(({ skip }) => {
    skip(isMissing, 'pg_hint_plan is not installed on this server');
  });

  afterAll(async () => {
    if (isMissing) return;
    await database.close();
    await Promise.all([grown.drop(), empty.drop(), vacuumed.drop()]);
  });

  test('use the primary keys where the tables were never analyzed', async () => {
    await withSettings(optionsOf(grown.url), hints, async (client) => {
      await prepare(client, statements, hints);
      await expectPrimaryKeys(client, statements);
    });
  });

  test('use the primary keys once the tables are analyzed', async () => {
    await withSettings(optionsOf(grown.url), hints, async (client) => {
      await client.query('ANALYZE');
      await prepare(client, statements, hints);
      await expectPrimaryKeys(client, statements);
    });
  });

  test('use the primary keys where they were made while the tables were empty', async () => {
    await withSettings(optionsOf(empty.url), hints, async (client) => {
      await prepare(client, statements, hints);
      // Its first use makes the plan that a connection keeps.
      await expectPrimaryKeys(client, statements);
      await grow(client);
      await expectPrimaryKeys(client, statements);
    });
  });

  test('use the primary keys where the tables were vacuumed while they were empty', async () => {
    await withSettings(optionsOf(vacuumed.url), hints, async (client) => {
      await client.query('VACUUM ANALYZE');
      await prepare(client, statements, hints);
      await expectPrimaryKeys(client, statements);
    });
  });

  if (hints === settingHints)
    test('would be hinted by pg_hint_plan: every table by its alias, with an index of its own', () => {
      for (const { statement } of firstOfEach(statements)) {
        const [, comment = '', text] =
          /^\/\*\+ (.+?) \*\/ ([^]+)$/.exec(commentHints.textOf(statement)) ?? [];
        expect(text).toBe(statement.text);
        const tables = new Map<string, string>();
        const named = /\b(?:DELETE FROM|FROM|UPDATE) (accounts|holds|orders|operations) (\w+)/g;
        for (const [, table = '', alias = ''] of statement.text.matchAll(named)) {
          // Hints see no parts: an alias is one table in all of them.
          expect([table, undefined]).toContain(tables.get(alias));
          tables.set(alias, table);
        }
        const scans = [...comment.matchAll(/(?:IndexScan|TidScan)\((\w+)(?: (\w+))?\)/g)];
        expect(scans.map(([, alias]) => alias).sort()).toEqual([...tables.keys()].sort());
        for (const [, alias = '', index] of scans) {
          if (index !== undefined) expect(index).toBe(`${tables.get(alias)}_pkey`);
        }
      }
      const load = statements.find(({ statement }) => statement.name === 'load:accounts+operations')!;
      expect(commentHints.textOf(load.statement)).toMatch(
        /^\/\*\+ IndexScan\(a accounts_pkey\) Rows\(k a #100\) IndexScan\(p operations_pkey\) Rows\(k p #100\) \*\/ SELECT /,
      );
    });

  if (hints === commentHints)
    test('take every hint that is given, as the driver sends them', async () => {
      await withSettings(optionsOf(grown.url), hints, async (client) => {
        const said: string[] = [];
        client.on('notice', ({ message }) => said.push(message ?? ''));
        await client.query('SET pg_hint_plan.debug_print = on');
        await client.query('SET pg_hint_plan.message_level = notice');
        for (const { statement, values } of firstOfEach(statements)) {
          await client.query('BEGIN');
          said.length = 0;
          await client.query({ name: statement.name, text: hints.textOf(statement), values: [...values] });
          const told = said.join('\n');
          expect(told).toContain('used hint:');
          for (const kind of ['not used', 'duplication', 'error']) {
            expect(told).toMatch(new RegExp(`^${kind} hint:$(?!\\n\\w+\\()`, 'm'));
          }
          await client.query('ROLLBACK');
        }
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

/** Prepares each statement once, under its own name and through the protocol, as the driver does. */
async function prepare(client: pg.Client, statements: readonly Recorded[], hints: Hints): Promise<void> {
  for (const { statement } of firstOfEach(statements)) {
    await client.query(new Preparation(statement.name, hints.textOf(statement))).done;
  }
}

function firstOfEach(statements: readonly Recorded[]): readonly Recorded[] {
  const byName = new Map<string, Recorded>();
  for (const recorded of statements) {
    if (!byName.has(recorded.statement.name)) byName.set(recorded.statement.name, recorded);
  }
  return [...byName.values()];
}

async function hasHintPlan(): Promise<boolean> {
  return withClient(inject('serverUrl'), async (client) => {
    const { rowCount } = await client.query(
      `SELECT FROM pg_settings WHERE name = 'pg_hint_plan.enable_hint'`,
    );
    return rowCount === 1;
  });
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

/** A connection with the settings of the pool, taken from one of its own. */
async function withSettings(
  options: DatabaseOptions,
  hints: Hints,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const database = new RecordingDatabase(options);
  try {
    const settings = await database.query<{ setting: string }>({
      name: 'settings',
      text: `SELECT name || '=' || setting AS setting FROM pg_settings WHERE source = 'client' AND name !~ '^(application|client|statement)'`,
    });
    const chosen = Object.entries(hints.settings).map(([name, value]) => `${name}=${value}`);
    // What the pool chose by itself is what is tested here.
    expect(settings.map(({ setting }) => setting)).toEqual(expect.arrayContaining(chosen));
    expect(settings.some(({ setting }) => setting === 'enable_seqscan=off')).toBe(hints === settingHints);
    await withClient(options.url, async (client) => {
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

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
