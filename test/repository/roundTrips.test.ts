import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pincex, type BatchResult } from '../../src/index.ts';
import { configOf, expectApplied } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';
import { until } from '../support/waiting.ts';
import { LASTING, untilCached, waitPatiently } from './support.ts';

/** The round trips of a batch read through Redis, counted by both servers. */

describe.skipIf(NO_REDIS !== null)('round trips of a batch read', () => {
  let redis: TestRedis;
  let database: TestDatabase;
  let pincex: Pincex;
  const statements: string[] = [];

  beforeAll(async () => {
    waitPatiently();
    redis = await TestRedis.start();
    database = await createTestDatabase();
    pincex = await Pincex.open({
      config: configOf(database.url, { ...LASTING, REDIS_URL: redis.url }),
      onStatement: ({ name }) => statements.push(name),
    });
    // This opens the connections and loads the scripts into Redis.
    const [known] = await makeUsers('known', 1);
    await untilCached(statements, () => pincex.bookkeeper.batchGetAccounts([known ?? ''], ['USD']));
  });

  afterAll(async () => {
    await pincex.close();
    await database.drop();
    await redis.remove();
  });

  async function makeUsers(name: string, count: number): Promise<string[]> {
    const userIds = Array.from({ length: count }, (_, n) => `${name}-${n}`);
    const deposits: BatchResult<unknown> = await pincex.bookkeeper.batchDeposit(
      userIds.map((userId) => ({ id: 'first', userId, currency: 'USD', amount: '100' })),
    );
    expectApplied(deposits);
    return userIds;
  }

  /** The number of scripts that Redis was asked to run; the commands inside of them are no round trips. */
  async function scripts(): Promise<number> {
    const stats = await redis.command('INFO', 'commandstats');
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }

  /** Reads accounts; returns them with the statements that ran and the number of scripts, once the expected ones have run. */
  async function read(userIds: readonly string[], expected: number) {
    const before = await scripts();
    statements.length = 0;
    const accounts = await pincex.bookkeeper.batchGetAccounts(userIds, ['USD']);
    // Only tests wait for the write to the cache.
    await until('the scripts', async () => (await scripts()) >= before + expected);
    return { accounts, statements: [...statements], scripts: (await scripts()) - before };
  }

  test.each([100, 1_000])(
    '%i cold keys take one cache read, one statement and one cache write; cached keys take one cache read',
    async (size) => {
      const userIds = await makeUsers(`cold-${size}`, size);
      const cold = await read(userIds, 2);
      expect(cold).toMatchObject({ statements: ['get-accounts'], scripts: 2 });
      const warm = await read(userIds, 1);
      expect(warm).toEqual({ accounts: cold.accounts, statements: [], scripts: 1 });
    },
  );

  test('for a batch that is cached in part, PostgreSQL is asked for all missing rows in one statement', async () => {
    const userIds = await makeUsers('half', 200);
    await read(userIds.slice(0, 100), 2);
    expect(await read(userIds, 2)).toMatchObject({ statements: ['get-accounts'], scripts: 2 });
    expect(await read(userIds, 1)).toMatchObject({ statements: [], scripts: 1 });
  });
});
