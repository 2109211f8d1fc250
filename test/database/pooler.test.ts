import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Alerting } from '../../src/background/alerting.ts';
import { withClient } from '../../src/database/client.ts';
import { Database } from '../../src/database/database.ts';
import { migrateUp } from '../../src/migrations/runner.ts';
import { Pincex, PincexError, type BatchResult, type PincexOptions, type Strategy } from '../../src/index.ts';
import { recordingLog, useReceiver, webhookVariables } from '../alerts/support.ts';
import { configOf, expectApplied, expectBalanced, fresh, funds, newUser } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { pgbouncer, startPgBouncer, WITHOUT_PGBOUNCER, type PgBouncer } from '../support/pgbouncer.ts';
import { startProxy } from '../support/proxy.ts';

/** Everything works through PgBouncer in transaction mode, and leaves no setting or statement on the server's connections. */

const STRATEGIES: readonly Strategy[] = ['auto', 'guard', 'lock'];

/** Settings that an operator may have made on a database: no result of Pincex may depend on them. */
const FOREIGN = {
  TimeZone: 'Asia/Tokyo',
  DateStyle: 'German, DMY',
  default_transaction_isolation: 'serializable',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
};

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await onClient(database.url, async (client) => {
    for (const [name, value] of Object.entries(FOREIGN)) {
      await client.query(
        `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET ${name} = ${pg.escapeLiteral(value)}`,
      );
    }
  });
});
afterAll(() => database.drop());
beforeEach(({ skip }) => {
  skip(pgbouncer === null, WITHOUT_PGBOUNCER);
});

async function onClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function open(
  url: string,
  options: Omit<PincexOptions, 'config'> = {},
  environment: Record<string, string> = {},
): Promise<Pincex> {
  const pincex = await Pincex.open({ ...options, config: configOf(url, environment) });
  onTestFinished(() => pincex.close());
  return pincex;
}

describe.each<[string, Record<string, string>]>([
  ['refuses the startup parameter "options"', {}],
  ['ignores the startup parameter "options"', { ignore_startup_parameters: 'options' }],
])('a PgBouncer that %s', (_, settings) => {
  let bouncer: PgBouncer;
  beforeAll(async () => {
    if (pgbouncer === null) return;
    bouncer = await startPgBouncer(database.url, settings);
    return bouncer.stop;
  });

  it('alerts are judged and delivered through PgBouncer', async () => {
    const webhook = await useReceiver();
    const pincex = await open(bouncer.url, {}, webhookVariables(webhook));
    const log = recordingLog();
    const alerting = new Alerting(pincex, log);
    expect((await pincex.audit()).ok).toBe(true);
    for (const findings of [1, 0]) {
      await onClient(database.url, (client) =>
        client.query('UPDATE last_audit SET findings = $1', [findings]),
      );
      await alerting.tick();
      await alerting.idle();
    }
    await alerting.stop();
    expect(webhook.events).toEqual(['firing audit', 'resolved audit']);
    expect([log.error, log.info, log.warn].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0]);
  });

  it.each(STRATEGIES)(
    'every command and every read answers through PgBouncer as on a direct connection (strategy %s)',
    async (strategy) => {
      const expected = await dayOnDirectLine(strategy);
      // The results have to be equal because everything worked, not because nothing did.
      expect(JSON.stringify(expected)).toMatch(
        /insufficient_funds.*partially_filled.*expiredHolds":1.*executedAt":true/,
      );
      const pincex = await open(bouncer.url, { strategy });
      expect(await day(pincex)).toEqual(expected);
      await expectBalanced(pincex);
    },
  );

  it('many callers through PgBouncer share two connections of the server, and the books balance', async () => {
    const pincex = await open(bouncer.url);
    const users = await Promise.all([1, 2, 3].map(() => newUser(pincex, { USD: '1000' })));
    await Promise.all(
      Array.from({ length: 20 }, async (_, caller) => {
        for (let n = 0; n < 5; n++) {
          const items = users.map((userId) => ({
            id: `${caller}-${n}`,
            userId,
            currency: 'USD',
            amount: '1',
            orderId: `o-${caller}-${n}`,
          }));
          expectApplied(await pincex.bookkeeper.batchLockFunds(items));
          const accounts = await pincex.bookkeeper.batchGetAccounts(users, ['USD']);
          for (const account of accounts) expect(account!.balance).toBe('1000');
        }
      }),
    );
    for (const userId of users) expect(await funds(pincex, userId, 'USD')).toBe('900 / 100');
    await expectBalanced(pincex);
  });

  it('the load and the persist of a batch are one transaction each, with the same statements for 1 and 1,000 items', async () => {
    const names: string[] = [];
    const pincex = await open(bouncer.url, { onStatement: ({ name }) => names.push(name) });
    await newUser(pincex, { USD: '1' });
    const user = fresh('user');
    for (const size of [1, 1_000]) {
      const items = Array.from({ length: size }, (_, n) => ({
        id: `d-${n}`,
        userId: `${user}-${size}-${n}`,
        currency: 'USD',
        amount: '1',
      }));
      names.length = 0;
      expectApplied(await pincex.bookkeeper.batchDeposit(items));
      expect(names).toEqual([
        'begin',
        'load:accounts+operations',
        'commit',
        'begin',
        'persist:aAJXP',
        'commit',
      ]);
    }
  });

  it('settings apply in the transactions of Pincex and nowhere else, and no statement stays prepared', async () => {
    const pincex = await open(bouncer.url);
    const userId = await newUser(pincex, { USD: '1' });
    const read = `SELECT name, setting FROM pg_settings WHERE name IN ('TimeZone', 'DateStyle', 'transaction_isolation',
      'statement_timeout', 'plan_cache_mode', 'enable_hashjoin', 'enable_mergejoin', 'enable_seqscan', 'jit')`;
    interface Row {
      name: string;
      setting: string;
    }
    const within = await pincex.transaction(async (tx) => {
      await tx.bookkeeper.getAccount(userId, 'USD');
      return (await tx.client.query<Row>(read)).rows;
    });
    expect(Object.fromEntries(within.map(({ name, setting }) => [name, setting]))).toMatchObject({
      TimeZone: 'UTC',
      DateStyle: expect.stringMatching(/^ISO/) as string,
      transaction_isolation: 'read committed',
      statement_timeout: '60000',
      plan_cache_mode: 'force_generic_plan',
      jit: 'off',
    });
    const { rows: untouched } = await onClient(database.url, (client) => client.query<Row>(read));
    const pids = new Set<number>();
    // Two clients at once, so that both connections of the server are checked.
    await onClient(bouncer.url, (one) =>
      onClient(bouncer.url, async (other) => {
        for (const client of [one, other]) {
          await client.query('BEGIN');
          const { rows } = await client.query<Row>(read);
          expect(rows).toEqual(untouched);
          const { rows: sessions } = await client.query<{ pid: number; prepared: string }>(
            'SELECT pg_backend_pid() AS pid, (SELECT count(*) FROM pg_prepared_statements) AS prepared',
          );
          expect(sessions[0]!.prepared).toBe('0');
          pids.add(sessions[0]!.pid);
        }
      }),
    );
    expect(pids.size).toBe(2);
  });

  it('settings apply also on the connections outside the pool, for reports, leases and audits', async () => {
    const read = `SELECT current_setting('TimeZone') AS zone, current_setting('array_nulls') AS nulls,
      current_setting('client_encoding') AS encoding, current_setting('transaction_isolation') AS isolation`;
    const expected = { zone: 'UTC', nulls: 'on', encoding: 'UTF8' };
    await withClient(bouncer.url, async (client) => {
      expect((await client.query(read)).rows).toMatchObject([expected]);
    });
    const { pool } = configOf(bouncer.url).database;
    const books = new Database({ url: bouncer.url, ...pool, queryHints: true });
    onTestFinished(() => books.close());
    await books.snapshot(async (client) => {
      expect((await client.query(read)).rows).toMatchObject([{ ...expected, isolation: 'repeatable read' }]);
    });
    await onClient(bouncer.url, async (client) => {
      expect((await client.query(read)).rows).toMatchObject([{ zone: 'Asia/Tokyo', nulls: 'off' }]);
    });
  });

  it('the settings of the planner stay unchanged if hints are off', async () => {
    const environment = { PINCEX_DATABASE_OPTIMIZED_REPOSITORY_ENABLE_QUERY_HINTS: 'false' };
    const pincex = await open(bouncer.url, {}, environment);
    const { rows } = await pincex.transaction((tx) => tx.client.query('SHOW plan_cache_mode'));
    expect(rows).toEqual([{ plan_cache_mode: 'auto' }]);
  });

  it.each(STRATEGIES)(
    'a batch through PgBouncer whose answer is lost is looked up and applied once (strategy %s)',
    async (strategy) => {
      const proxy = await startProxy(bouncer.url);
      onTestFinished(() => proxy.close());
      const pincex = await open(proxy.url, { strategy });
      const userId = await newUser(pincex, { USD: '100' });
      let isWriting = false;
      let cuts = 0;
      proxy.onRequest = (request) => {
        if (request.includes('insert_operations')) isWriting = true;
        return 'pass';
      };
      proxy.onAnswer = (answer) => {
        // "Z" "I": the server is in no transaction any more, so the batch is committed.
        if (!isWriting || cuts > 0 || !answer.includes(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) return 'pass';
        cuts++;
        return 'cut';
      };
      const lock = (id: string) => ({ id, userId, currency: 'USD', amount: '10', orderId: `o-${id}` });
      expectApplied(await pincex.bookkeeper.batchLockFunds([lock('a'), lock('b')]));
      expect(cuts).toBe(1);
      expect(await funds(pincex, userId, 'USD')).toBe('80 / 20');
      expect((await pincex.bookkeeper.lockFunds(lock('a'))).status).toBe('replayed');
    },
  );

  it('a transaction through PgBouncer that throws leaves nothing, and its connection serves the next', async () => {
    const pincex = await open(bouncer.url, {}, { PINCEX_DATABASE_POOL_MAX: '1' });
    const userId = await newUser(pincex, { USD: '100' });
    const item = { id: 'w', userId, currency: 'USD', amount: '1' };
    const failing = pincex.transaction(async (tx) => {
      expectApplied(await tx.bookkeeper.batchWithdraw([item]));
      throw new RangeError('no');
    });
    await expect(failing).rejects.toThrow('no');
    const swallowing = pincex.transaction(async (tx) => {
      expectApplied(await tx.bookkeeper.batchWithdraw([item]));
      await tx.client.query('SELECT 1/0').catch(() => undefined);
    });
    await expect(swallowing).rejects.toMatchObject({ code: 'transaction_aborted' });
    expect(await funds(pincex, userId, 'USD')).toBe('100 / 0');
  });

  it('migrations through PgBouncer are refused with the advice to connect to PostgreSQL itself', async () => {
    await onClient(bouncer.url, async (client) => {
      const refusal = await migrateUp(client).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(PincexError);
      expect(refusal).toMatchObject({
        code: 'migration_failed',
        message: expect.stringContaining('Connect to PostgreSQL itself to migrate') as string,
      });
    });
  });
});

const daysOnDirectLine = new Map<Strategy, Promise<unknown>>();

/** The results of the day on a direct connection, computed once for each strategy. */
function dayOnDirectLine(strategy: Strategy): Promise<unknown> {
  const live = async (): Promise<unknown> => {
    const direct = await createTestDatabase();
    onTestFinished(() => direct.drop());
    return day(await open(direct.url, { strategy }));
  };
  const lived = daysOnDirectLine.get(strategy) ?? live();
  daysOnDirectLine.set(strategy, lived);
  return lived;
}

/** Runs one of every command and read, and returns the results without the parts that differ from run to run. */
async function day(pincex: Pincex): Promise<unknown> {
  const { bookkeeper, trading } = pincex;
  const name = fresh('day');
  const [alice, bob] = [`${name}-alice`, `${name}-bob`];
  const outcomes: unknown[] = [];
  const keep = ({ counts, results }: BatchResult<unknown>) => outcomes.push(counts, results);
  const order = (id: string, userId: string, side: 'buy' | 'sell') =>
    ({
      id: `${name}-${id}`,
      userId,
      symbol: 'BTC/USD',
      side,
      type: 'limit',
      quantity: '1',
      price: '10',
    }) as const;
  const usd = { currency: 'USD', amount: '100' };
  const gone = '2020-01-01T00:00:00.000Z';
  keep(
    await bookkeeper.batchDeposit([
      { ...usd, id: 'd1', userId: alice },
      { ...usd, id: 'd2', userId: bob, currency: 'BTC' },
      { ...usd, id: 'd1', userId: alice },
      { ...usd, id: 'd3', userId: bob, currency: 'XXX' },
    ]),
  );
  keep(await bookkeeper.batchTransfer([{ ...usd, id: 't', userId: alice, toUserId: bob, amount: '5.5' }]));
  keep(await bookkeeper.batchWithdraw([{ ...usd, id: 'w', userId: alice, amount: '1000' }]));
  keep(
    await bookkeeper.batchLockFunds([
      { ...usd, id: 'l1', userId: alice, amount: '3', orderId: 'h1' },
      { ...usd, id: 'l2', userId: alice, amount: '4', orderId: 'h2', expiresAt: '2999-01-01T00:00:00.000Z' },
    ]),
  );
  keep(await bookkeeper.batchUnlockFunds([{ ...usd, id: 'u1', userId: alice, amount: '2', orderId: 'h1' }]));
  keep(await trading.batchCreateOrders([order('stored', alice, 'buy')]));
  keep(
    await trading.batchUpdateOrderStatus([
      { id: 's', userId: alice, orderId: `${name}-stored`, status: 'filled' },
    ]),
  );
  keep(
    await trading.batchPlaceOrders([
      order('b1', alice, 'buy'),
      order('b2', alice, 'buy'),
      order('a1', bob, 'sell'),
      { ...order('huge', alice, 'buy'), quantity: '999', recordRejection: true },
    ]),
  );
  keep(
    await trading.batchSettleTrades([
      {
        id: `${name}-trade`,
        symbol: 'BTC/USD',
        price: '10',
        quantity: '0.5',
        buyUserId: alice,
        buyOrderId: `${name}-b1`,
        sellUserId: bob,
        sellOrderId: `${name}-a1`,
        takerSide: 'buy',
      },
    ]),
  );
  keep(await trading.batchCancelOrders([{ id: 'c', userId: alice, orderId: `${name}-b2` }]));
  await pincex.transaction(async (tx) => {
    keep(await tx.bookkeeper.batchDeposit([{ ...usd, id: 'in-tx', userId: bob }]));
    keep(await tx.bookkeeper.batchWithdraw([{ ...usd, id: 'in-tx-2', userId: bob, amount: '1' }]));
    const { rows } = await tx.client.query('SELECT $1::timestamptz AS time, $2::numeric AS amount', [
      gone,
      '1.50',
    ]);
    outcomes.push(rows);
    await tx.client.query('UPDATE holds SET expires_at = $1 WHERE user_id = $2 AND order_id = $3', [
      gone,
      alice,
      'h2',
    ]);
  });
  outcomes.push(await pincex.sweepExpired());
  const began = Date.now() - 60_000;
  const recent = (time: string) => new Date(time).getTime() > began && time.endsWith('Z');
  for (const account of await bookkeeper.batchGetAccounts([alice, bob, 'nobody'], ['USD', 'BTC'])) {
    outcomes.push(account && { ...account, updatedAt: recent(account.updatedAt) });
  }
  const orders = [
    await trading.batchGetOrdersByIds([`${name}-b1`, `${name}-huge`, 'none']),
    ...(await trading.batchGetUserOrders([alice], { limit: 1 })),
    ...(await trading.batchGetUserOrders([bob], { statuses: ['partially_filled'], symbol: 'BTC/USD' })),
    ...(await trading.batchGetOpenOrdersByUsers([alice, bob])),
  ];
  for (const found of orders.flat()) {
    outcomes.push(
      found && { ...found, createdAt: recent(found.createdAt), updatedAt: recent(found.updatedAt) },
    );
  }
  for (const trade of (await trading.batchGetTradesByOrderIds([`${name}-b1`])).flat()) {
    outcomes.push({ ...trade, executedAt: recent(trade.executedAt) });
  }
  return JSON.parse(JSON.stringify(outcomes).replaceAll(name, 'day'));
}
