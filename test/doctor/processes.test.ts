import { describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/index.ts';
import { Reporter } from '../../src/statistics/reporter.ts';
import { Statistics, type StatisticsOptions } from '../../src/statistics/statistics.ts';
import { newUser } from '../support/books.ts';
import { examine, found, opened, patient } from './support.ts';

/** A database on which these processes have just reported. */
async function reported(
  ...processes: readonly [Partial<StatisticsOptions>, (statistics: Statistics) => void][]
): Promise<string> {
  const { url } = await patient();
  for (const [options, count] of processes) {
    const statistics = new Statistics({ poolMax: 10, ...options });
    count(statistics);
    await new Reporter(url, statistics).report();
  }
  return url;
}

const times = (count: number, what: () => void): void => {
  for (let n = 0; n < count; n++) what();
};

/** The findings of a check, with the name of the process left out. */
const of = (report: DoctorReport, check: string): string[] =>
  found(report, check).map((line) => line.replace(/process \w{8} of [-T:\dZ]+/, 'process'));

describe('the pool', () => {
  it('hurts where calls got no connection', async () => {
    const report = await examine(
      await reported([
        {},
        (statistics) => {
          statistics.poolRefused();
        },
      ]),
    );
    expect(of(report, 'pool')).toEqual(['hurts process']);
    expect(report.ok).toBe(false);
    expect(report.findings[0]).toMatchObject({
      message: 'calls that got no connection in time and failed with pool_exhausted: 1',
      remedy: expect.stringContaining('Raise database.pool.max (it is 10)') as string,
    });
  });

  it('is advised to be larger where many calls waited for long', async () => {
    const waits = (count: number, ms: number) =>
      reported([
        {},
        (statistics) => {
          times(count, () => {
            statistics.poolWait(ms);
          });
        },
      ]);
    const report = await examine(await waits(100, 10));
    expect(of(report, 'pool')).toEqual(['advice process']);
    expect(report.findings[0]!.message).toContain('100 calls waited for a connection, 10 ms on average');
    expect((await examine(await waits(99, 1_000))).findings).toEqual([]);
    expect((await examine(await waits(1_000, 9))).findings).toEqual([]);
  });
});

describe('the cache', () => {
  it('is advised about for each kind that is seldom found in it', async () => {
    const report = await examine(
      await reported([
        { cacheStore: 'process' },
        (statistics) => {
          statistics.cacheReads('accounts', 500, 501);
          statistics.cacheReads('orders', 501, 500);
          statistics.cacheReads('trades', 1, 998);
        },
      ]),
    );
    expect(of(report, 'cache')).toEqual(['advice process, cache of accounts']);
    expect(report.findings[0]!.message).toBe('50% of 1,001 reads were found in it');
    expect(report.findings[0]!.remedy).toContain('Raise database.optimized_repository.account_cache_ttl');
    expect(report.ok).toBe(true);
  });

  it('is advised about where it failed', async () => {
    const report = await examine(
      await reported([
        { cacheStore: 'redis' },
        (statistics) => {
          statistics.cacheFailure();
        },
      ]),
    );
    expect(of(report, 'cache')).toEqual(['advice process']);
    expect(report.findings[0]!.remedy).toContain('redis.host');
  });

  it('of one process does not hear what another commits', async () => {
    const caching = (
      store: 'process' | 'redis',
    ): [Partial<StatisticsOptions>, (statistics: Statistics) => void] => [
      { cacheStore: store },
      (statistics) => {
        statistics.cacheReads('accounts', 1, 0);
      },
    ];
    const writing: [object, (statistics: Statistics) => void] = [
      {},
      (statistics) => {
        statistics.batch(1, 1);
      },
    ];
    const idle: [object, () => void] = [{}, () => undefined];
    const stale = await examine(await reported(caching('process'), writing));
    expect(of(stale, 'cache')).toEqual(['advice cache']);
    expect(stale.findings[0]!.remedy).toContain('Set redis.host');
    for (const processes of [
      [caching('process'), idle],
      [caching('redis'), writing],
      [caching('process')],
      [writing, writing],
    ]) {
      expect((await examine(await reported(...processes))).findings).toEqual([]);
    }
  });
});

describe('batches', () => {
  const batches = (count: number, items: number) =>
    reported([
      {},
      (statistics) => {
        times(count, () => {
          statistics.batch(items, 1);
        });
      },
    ]);

  it('of few items are advised against where there are many in a second', async () => {
    const report = await examine(await batches(1_000, 3));
    expect(of(report, 'batch_sizes')).toEqual(['advice process']);
    expect(report.findings[0]!.message).toContain(
      '100% of 1,000 batches had fewer than 10 items, 3.0 on average',
    );
    expect((await examine(await batches(999, 3))).findings).toEqual([]);
    expect((await examine(await batches(1_000, 10))).findings).toEqual([]);
  });

  it('and not where they come now and then', async () => {
    const { url, client } = await patient();
    const statistics = new Statistics({ poolMax: 10 });
    times(1_000, () => {
      statistics.batch(1, 1);
    });
    await new Reporter(url, statistics).report();
    await client.query(`UPDATE processes SET started_at = started_at - interval '5 minutes'`);
    expect((await examine(url)).findings).toEqual([]);
  });
});

it('a process that ended is looked at only while no other runs', async () => {
  const { url, client } = await patient();
  const statistics = new Statistics({ poolMax: 10 });
  statistics.poolRefused();
  await new Reporter(url, statistics).report();
  await client.query(`UPDATE processes SET seen_at = seen_at - interval '1 hour'`);
  expect(of(await examine(url), 'pool')).toEqual(['hurts process']);
  const pincex = await opened(url);
  await newUser(pincex, { USD: '1' });
  expect((await pincex.doctor()).findings).toEqual([]);
});
