import { describe, expect, test } from 'vitest';
import { measureDay } from '../../src/bench/day/day.ts';
import { generateDay } from '../../src/demo/generator.ts';
import { configOf } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';
import { waitPatiently } from '../repository/support.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';

waitPatiently();

const READS = 0.9;

/** The report of a day of readers and a writer, each with connections of its own where the cache is Redis. */
async function runDay(environment: Record<string, string> = {}) {
  const database = await createTestDatabase();
  try {
    const config = configOf(database.url, environment);
    return await measureDay(config, generateDay({ events: 2_000, messy: 0.01 }), { reads: READS });
  } finally {
    await database.drop();
  }
}

function expectCoherent(report: Awaited<ReturnType<typeof runDay>>): void {
  const { reads, writes, hitRate } = report;
  expect(report).toMatchObject({
    events: 2_000,
    staleWithMinVersion: 0,
    staleAfterPublication: 0,
    audit: { ok: true, findings: [] },
  });
  expect(reads / (reads + writes)).toBeCloseTo(READS, 2);
  for (const kind of ['accounts', 'orders', 'userOrders', 'trades'] as const) {
    expect(hitRate[kind]).toBeGreaterThan(0);
  }
}

test('no read of a day is stale in the cache of a process', async () => {
  const report = await runDay();
  expect(report.store).toBe('process');
  expectCoherent(report);
});

describe.skipIf(NO_REDIS !== null)('with Redis', () => {
  test('no read of a day through Redis is stale, whichever of two instances it is read through', async () => {
    const redis = await TestRedis.start();
    try {
      const report = await runDay({ REDIS_URL: redis.url });
      expect(report.store).toBe('redis');
      expectCoherent(report);
    } finally {
      await redis.remove();
    }
  });
});
