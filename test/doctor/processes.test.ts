import { beforeEach, describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/index.ts';
import { Reporter } from '../../src/statistics/reporter.ts';
import { Statistics, type StatisticsOptions } from '../../src/statistics/statistics.ts';
import { newUser } from '../support/books.ts';
import { examine, found, opened, usePatient } from './support.ts';

const patient = usePatient();
beforeEach(() => patient.client.query('DELETE FROM processes'));

/** What a process was configured with, and what it counted. */
type Process = readonly [Partial<StatisticsOptions>, (statistics: Statistics) => void];

/** What the doctor says of a database on which these processes, and no others, have just reported. */
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
      statistics.batch(items, 1);
    });
  },
];

const refused: Process = [
  {},
  (statistics) => {
    statistics.poolRefused();
  },
];

/** The findings of a check, with the name of the process left out. */
const of = (report: DoctorReport, check: string): string[] =>
  found(report, check).map((line) => line.replace(/process \w{8} of [-T:\dZ]+/, 'process'));

describe('the pool', () => {
  it('hurts where calls got no connection', async () => {
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

  it('is advised to be larger where many calls waited for long', async () => {
    const report = await examined(waits(100, 10));
    expect(of(report, 'pool')).toEqual(['advice process']);
    expect(report.findings[0]!.message).toContain('100 calls waited for a connection, 10 ms on average');
  });

  it.each([
    ['few', 99, 1_000],
    ['not for long', 1_000, 9],
  ])('is large enough where those that waited were %s', async (_, count, ms) => {
    expect((await examined(waits(count, ms))).findings).toEqual([]);
  });
});

describe('the cache', () => {
  it('is advised about for each kind that is seldom found in it', async () => {
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

  it('is advised about where it failed', async () => {
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

  it('of one process does not hear what another commits, which is advised against', async () => {
    const report = await examined(caching('process'), writing);
    expect(of(report, 'cache')).toEqual(['advice cache']);
    expect(report.findings[0]!.remedy).toContain('Set redis.host');
  });

  it.each<[string, readonly Process[]]>([
    ['the other writes nothing', [caching('process'), idle]],
    ['it is in Redis', [caching('redis'), writing]],
    ['there is no other process', [caching('process')]],
    ['no process has one', [writing, writing]],
  ])('is no finding where %s', async (_, processes) => {
    expect((await examined(...processes)).findings).toEqual([]);
  });
});

describe('batches', () => {
  it('of few items are advised against where there are many in a second', async () => {
    const report = await examined(batches(1_000, 3));
    expect(of(report, 'batch_sizes')).toEqual(['advice process']);
    expect(report.findings[0]!.message).toContain(
      '100% of 1,000 batches had fewer than 10 items, 3.0 on average',
    );
  });

  it.each([
    ['fewer than a thousand', 999, 3],
    ['of ten items', 1_000, 10],
  ])('are no finding where they are %s', async (_, count, items) => {
    expect((await examined(batches(count, items))).findings).toEqual([]);
  });

  it('are no finding where they come now and then', async () => {
    await reported(batches(1_000, 1));
    await patient.client.query(`UPDATE processes SET started_at = started_at - interval '5 minutes'`);
    expect((await examine(patient.url)).findings).toEqual([]);
  });
});

describe('a process that ended', () => {
  beforeEach(async () => {
    await reported(refused);
    await patient.client.query(`UPDATE processes SET seen_at = seen_at - interval '1 hour'`);
  });

  it('is looked at while no other runs', async () => {
    expect(of(await examine(patient.url), 'pool')).toEqual(['hurts process']);
  });

  it('is not looked at while another runs', async () => {
    const pincex = await opened(patient.url);
    await newUser(pincex, { USD: '1' });
    expect((await pincex.doctor()).findings).toEqual([]);
  });
});
