import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Pincex, type MixedItem } from '../../src/index.ts';
import { Reporter } from '../../src/monitor/reporter.ts';
import { Statistics, type ProcessStatistics } from '../../src/monitor/statistics.ts';
import { configOf, expectApplied, newUser, openBooks, useBooks } from '../support/books.ts';
import { startProxy } from '../support/proxy.ts';
import { gate, until } from '../support/waiting.ts';

const books = useBooks();

interface Row {
  id: string;
  started_at: Date;
  seen_at: Date;
  deadlocks_at_start: string;
  statistics: ProcessStatistics;
}

/** The processes that have started on this database, the latest last. */
async function processes(): Promise<Row[]> {
  return books.sql<Row & Record<string, unknown>>('SELECT * FROM processes ORDER BY started_at, id');
}

async function latest(): Promise<ProcessStatistics> {
  return (await processes()).at(-1)!.statistics;
}

describe('the statistics of a process', () => {
  it('a new process has counted nothing', () => {
    expect(new Statistics({ poolMax: 7 }).snapshot()).toEqual({
      batches: {
        count: 0,
        items: 0,
        durationMs: 0,
        bySize: { '1': 0, '2-9': 0, '10-49': 0, '50-499': 0, '500+': 0 },
      },
      cache: {
        store: 'off',
        failures: 0,
        reads: {
          accounts: { hits: 0, misses: 0 },
          orders: { hits: 0, misses: 0 },
          userOrders: { hits: 0, misses: 0 },
          trades: { hits: 0, misses: 0 },
        },
      },
      pool: { max: 7, inUse: 0, waits: 0, waitMs: 0, longestWaitMs: 0, refused: 0 },
      refusals: {},
      loops: 0,
      reportFailures: 0,
      unreadableReports: 0,
    });
  });

  it('a process counts batches by their size, cache reads by their kind, and waits for the pool with the longest one', () => {
    const statistics = new Statistics({ poolMax: 1, cacheStore: 'redis' });
    for (const items of [0, 1, 2, 9, 10, 49, 50, 499, 500, 10_000])
      statistics.operation({ operation: 'batch_lock_funds', items, durationMs: 2 });
    statistics.cacheReads('accounts', 3, 1);
    statistics.cacheReads('accounts', 1, 0);
    statistics.cacheReads('trades', 0, 5);
    statistics.cacheFailure();
    for (const ms of [5, 20, 10]) statistics.poolWait(ms);
    statistics.poolRefused();
    expect(statistics.snapshot()).toMatchObject({
      batches: {
        count: 9,
        items: 11_120,
        durationMs: 18,
        bySize: { '1': 1, '2-9': 2, '10-49': 2, '50-499': 2, '500+': 2 },
      },
      cache: {
        store: 'redis',
        failures: 1,
        reads: { accounts: { hits: 4, misses: 1 }, trades: { hits: 0, misses: 5 } },
      },
      pool: { waits: 3, waitMs: 35, longestWaitMs: 20, refused: 1 },
    });
  });

  it('a snapshot of the statistics does not change when more is counted', () => {
    const statistics = new Statistics({ poolMax: 1 });
    const before = statistics.snapshot();
    statistics.operation({ operation: 'batch_lock_funds', items: 1, durationMs: 1 });
    statistics.cacheReads('orders', 1, 1);
    expect(before.batches.bySize['1']).toBe(0);
    expect(before.cache.reads.orders.hits).toBe(0);
  });
});

describe('the row of a process', () => {
  it('a process has a row from its start, and at its end leaves there all that it counted', async () => {
    const before = await processes();
    const pincex = await openBooks(books.url);
    const during = await processes();
    expect(during).toHaveLength(before.length + 1);
    expect(during.at(-1)!.statistics).toMatchObject({ batches: { count: 0 }, pool: { max: 10 } });

    const userId = await newUser(pincex, { USD: '10', BTC: '1' });
    await pincex.bookkeeper.deposit({ id: 'one', userId, currency: 'USD', amount: '1' });
    await pincex.transaction((tx) => tx.bookkeeper.batchWithdraw([]));
    await pincex.sweepExpired();
    await pincex.close();
    const after = (await processes()).at(-1)!;
    expect(after.statistics.batches).toMatchObject({ count: 2, items: 3, bySize: { '1': 1, '2-9': 1 } });
    expect(after.statistics.batches.durationMs).toBeGreaterThan(0);
    expect(after.started_at.getTime()).toBeLessThan(after.seen_at.getTime());
    expect(Number(after.deadlocks_at_start)).toBe(0);
  });

  it('a process counts the calls that waited for a connection, and those that got none', async () => {
    const config = configOf(books.url, {
      PINCEX_DATABASE_POOL_MAX: '1',
      PINCEX_DATABASE_POOL_CONNECTION_TIMEOUT: '1s',
    });
    const pincex = await Pincex.open({ config });
    // The clock is held, so that only those calls wait for long that the test makes wait.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const [begun, free] = [gate(), gate()];
    const holding = pincex.transaction(() => {
      begun.open();
      return free.opened;
    });
    await begun.opened;
    const late = pincex.bookkeeper.getAccount('nobody', 'USD').catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await late).toMatchObject({ code: 'pool_exhausted' });
    const waiting = pincex.bookkeeper.getAccount('nobody', 'USD');
    await vi.advanceTimersByTimeAsync(500);
    free.open();
    await Promise.all([holding, waiting]);
    // A connection is free now, so this call does not wait.
    await pincex.bookkeeper.getAccount('nobody', 'USD');
    await pincex.close();
    const { pool } = await latest();
    expect(pool).toMatchObject({ max: 1, waits: 1, refused: 1 });
    expect(pool.waitMs).toBe(500);
    expect(pool.longestWaitMs).toBe(500);
  });

  it('a process reports by the clock of the database, whatever its own says', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 48 * 3_600_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const before = (await processes()).length;
    const reporter = new Reporter(books.url, new Statistics({ poolMax: 1 }));
    await reporter.start();
    await reporter.close();
    const rows = await books.sql<{ is_now: boolean }>(
      `SELECT now() - started_at BETWEEN '0' AND interval '1 hour'
         AND now() - seen_at BETWEEN '0' AND interval '1 hour' AS is_now FROM processes ORDER BY started_at DESC`,
    );
    // The rows of the others were not two days old either.
    expect(rows).toHaveLength(before + 1);
    expect(rows[0]).toEqual({ is_now: true });
  });

  it('a new process deletes the rows of processes that were not seen for a day, and no others', async () => {
    await books.sql(
      `INSERT INTO processes (id, started_at, seen_at, deadlocks_at_start, statistics)
       SELECT gen_random_uuid(), '2020-01-01', now() - age, 0, jsonb_build_object('age', age)
       FROM unnest('{23 hours, 25 hours}'::interval[]) AS age`,
    );
    const pincex = await openBooks(books.url);
    await pincex.close();
    const ages = (await processes()).flatMap(({ statistics }) =>
      'age' in statistics ? [statistics.age] : [],
    );
    expect(ages).toEqual(['23:00:00']);
  });

  it('a process whose reports fail goes on, and tells how many failed once one gets through', async () => {
    const proxy = await startProxy(books.url);
    onTestFinished(() => proxy.close());
    const statistics = new Statistics({ poolMax: 1 });
    const reporter = new Reporter(proxy.url, statistics);
    proxy.shut();
    await reporter.start();
    await reporter.report();
    proxy.reopen();
    await reporter.close();
    expect(await latest()).toMatchObject({ reportFailures: 2, pool: { max: 1 } });
  });

  it('a process that cannot write its reports works as usual', async () => {
    await books.sql('ALTER TABLE processes RENAME TO elsewhere');
    onTestFinished(async () => {
      await books.sql('ALTER TABLE elsewhere RENAME TO processes');
    });
    const pincex = await openBooks(books.url);
    await newUser(pincex, { USD: '1' });
    await pincex.close();
  });

  it('a process reports every ten seconds, one report at a time, until it is closed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const statistics = new Statistics({ poolMax: 1 });
    const reporter = new Reporter(books.url, statistics);
    await reporter.start();
    statistics.operation({ operation: 'batch_lock_funds', items: 5, durationMs: 1 });
    vi.advanceTimersByTime(9_999);
    await reporter.report();
    statistics.operation({ operation: 'batch_lock_funds', items: 5, durationMs: 1 });
    vi.advanceTimersByTime(1);
    await until('the second report', async () => (await latest()).batches.count === 2);
    await reporter.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('onStatement is not called for a report, since a report belongs to no batch', async () => {
    const names: string[] = [];
    const pincex = await openBooks(books.url, { onStatement: ({ name }) => names.push(name) });
    const items: MixedItem[] = [
      { command: 'deposit', id: 'x', userId: 'someone', currency: 'USD', amount: '1' },
    ];
    expectApplied(await pincex.execute(items));
    await pincex.close();
    expect(names.filter((name) => !name.startsWith('read-')).map((name) => name.split(':')[0])).toEqual([
      'load',
      'persist',
    ]);
  });
});
