import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DoctorReport } from '../../src/index.ts';
import { Reporter } from '../../src/monitor/reporter.ts';
import { Statistics, type StatisticsOptions } from '../../src/monitor/statistics.ts';
import { newUser } from '../support/books.ts';
import { examine, found, opened, usePatient } from './support.ts';

const patient = usePatient();
beforeEach(() => patient.client.query('DELETE FROM processes'));

/** The options of a process, and the calls that fill its statistics. */
type Process = readonly [Partial<StatisticsOptions>, (statistics: Statistics) => void];

/** The report on a database to which exactly these processes have just reported. */
async function examined(...processes: readonly Process[]): Promise<DoctorReport> {
  await patient.client.query('DELETE FROM processes');
  await reported(...processes);
  return examine(patient.url);
}

async function reported(...processes: readonly Process[]): Promise<void> {
  for (const [options, count] of processes) {
    const statistics = new Statistics({ poolMax: 10, ...options });
    count(statistics);
    await new Reporter(patient.url, statistics).report();
  }
}

const times = (count: number, what: () => void): void => {
  for (let n = 0; n < count; n++) what();
};

const batches = (count: number, items: number): Process => [
  {},
  (statistics) => {
    times(count, () => {
      statistics.operation({ operation: 'batch_lock_funds', items, durationMs: 1 });
    });
  },
];

const refused: Process = [
  {},
  (statistics) => {
    statistics.poolRefused();
  },
];

/** The findings of a check, without the name of the process. */
const of = (report: DoctorReport, check: string): string[] =>
  found(report, check).map((line) => line.replace(/process \w{8} of [-T:\dZ]+/, 'process'));

describe('the pool', () => {
  it('a pool is reported as hurting when calls got no connection in time', async () => {
    const report = await examined(refused);
    expect(of(report, 'pool')).toEqual(['hurts process']);
    expect(report.ok).toBe(false);
    expect(report.findings[0]).toMatchObject({
      message: 'calls that got no connection in time and failed with pool_exhausted: 1',
      remedy: expect.stringContaining('Raise database.pool.max (it is 10)') as string,
    });
  });

  const waits = (count: number, ms: number): Process => [
    {},
    (statistics) => {
      times(count, () => {
        statistics.poolWait(ms);
      });
    },
  ];

  it('a larger pool is advised when many calls waited long for a connection', async () => {
    const report = await examined(waits(100, 10));
    expect(of(report, 'pool')).toEqual(['advice process']);
    expect(report.findings[0]!.message).toContain('100 calls waited for a connection, 10 ms on average');
  });

  it.each([
    ['fewer than 100 calls waited', 99, 1_000],
    ['calls waited for less than 10 ms on average', 1_000, 9],
  ])('a pool is not reported when %s', async (_, count, ms) => {
    expect((await examined(waits(count, ms))).findings).toEqual([]);
  });
});

describe('the cache', () => {
  it('a cache is reported as advice for each kind of which it misses most reads', async () => {
    const report = await examined([
      { cacheStore: 'process' },
      (statistics) => {
        statistics.cacheReads('accounts', 500, 501);
        statistics.cacheReads('orders', 501, 500);
        statistics.cacheReads('trades', 1, 998);
      },
    ]);
    expect(of(report, 'cache')).toEqual(['advice process, cache of accounts']);
    expect(report.findings[0]!.message).toBe('50% of 1,001 reads were found in it');
    expect(report.findings[0]!.remedy).toContain('Raise database.optimized_repository.account_cache_ttl');
    expect(report.ok).toBe(true);
  });

  it('a cache is reported as advice when it failed', async () => {
    const report = await examined([
      { cacheStore: 'redis' },
      (statistics) => {
        statistics.cacheFailure();
      },
    ]);
    expect(of(report, 'cache')).toEqual(['advice process']);
    expect(report.findings[0]!.remedy).toContain('redis.host');
  });

  const caching = (cacheStore: 'process' | 'redis'): Process => [
    { cacheStore },
    (statistics) => {
      statistics.cacheReads('accounts', 1, 0);
    },
  ];
  const writing = batches(1, 1);
  const idle = batches(0, 0);

  it('whether processes run is judged by the clock of the database', async () => {
    await reported(caching('process'), writing);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(of(await examine(patient.url), 'cache')).toEqual(['advice cache']);
  });

  it('a cache within a process is reported as advice when another process writes, whose commits it does not see', async () => {
    const report = await examined(caching('process'), writing);
    expect(of(report, 'cache')).toEqual(['advice cache']);
    expect(report.findings[0]!.remedy).toContain('Set redis.host');
  });

  it.each<[string, readonly Process[]]>([
    ['the other writes nothing', [caching('process'), idle]],
    ['it is in Redis', [caching('redis'), writing]],
    ['there is no other process', [caching('process')]],
    ['no process has a cache', [writing, writing]],
  ])('a cache is not reported when %s', async (_, processes) => {
    expect((await examined(...processes)).findings).toEqual([]);
  });
});

describe('the size of batches', () => {
  it('batches of few items are reported as advice when there are many in a second', async () => {
    const report = await examined(batches(1_000, 3));
    expect(of(report, 'batch_sizes')).toEqual(['advice process']);
    expect(report.findings[0]!.message).toContain(
      '100% of 1,000 batches had fewer than 10 items, 3.0 on average',
    );
  });

  it.each([
    ['fewer than a thousand', 999, 3],
    ['of ten items', 1_000, 10],
  ])('batches are not reported when they are %s', async (_, count, items) => {
    expect((await examined(batches(count, items))).findings).toEqual([]);
  });

  it('batches of few items are not reported when they come now and then', async () => {
    await reported(batches(1_000, 1));
    await patient.client.query(`UPDATE processes SET started_at = started_at - interval '5 minutes'`);
    expect((await examine(patient.url)).findings).toEqual([]);
  });
});

describe('the statistics of a process that ended', () => {
  beforeEach(async () => {
    await reported(refused);
    await patient.client.query(`UPDATE processes SET seen_at = seen_at - interval '1 hour'`);
  });

  it('a process that ended is judged while no other runs', async () => {
    expect(of(await examine(patient.url), 'pool')).toEqual(['hurts process']);
  });

  it('a process that has just closed counts as ended', async () => {
    await patient.client.query('DELETE FROM processes');
    const statistics = new Statistics({ poolMax: 10 });
    statistics.poolRefused();
    await new Reporter(patient.url, statistics).close();
    await reported([{}, () => undefined]);
    expect((await examine(patient.url)).findings).toEqual([]);
  });

  it('a process that ended is ignored while another runs', async () => {
    const pincex = await opened(patient.url);
    await newUser(pincex, { USD: '1' });
    expect((await pincex.doctor()).findings).toEqual([]);
  });
});
