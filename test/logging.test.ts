import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pincex } from '../src/index.ts';
import { configOf, fresh, newUser } from './support/books.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

interface Line {
  readonly msg: string;
  readonly traceId?: string;
  readonly statement?: string;
  readonly sql?: string;
  readonly values?: unknown;
  readonly [field: string]: unknown;
}

describe('the debug log', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });

  /** The lines that are logged while `work` runs. */
  async function logged(
    environment: Record<string, string>,
    work: (pincex: Pincex, forget: () => void) => Promise<void>,
  ): Promise<Line[]> {
    const lines: Line[] = [];
    const logger = pino(
      { level: 'debug' },
      { write: (line: string) => lines.push(JSON.parse(line) as Line) },
    );
    const pincex = await Pincex.open({
      logger,
      config: configOf(database.url, {
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_ENABLE_DEBUG_LOGS: 'true',
        ...environment,
      }),
    });
    try {
      await work(pincex, () => (lines.length = 0));
    } finally {
      await pincex.close();
    }
    return lines;
  }

  test('the debug log ties a batch to its statements by a trace id, also for two concurrent batches', async () => {
    const batches: string[] = [];
    const lines = await logged({}, async (pincex, forget) => {
      const users = [await newUser(pincex, { USD: '5' }), await newUser(pincex, { USD: '5' })];
      forget();
      const results = await Promise.all(
        users.map((userId) =>
          pincex.bookkeeper.batchLockFunds([
            { id: 'lock', userId, currency: 'USD', amount: '1', orderId: 'order' },
            { id: 'much', userId, currency: 'USD', amount: '9', orderId: 'order' },
          ]),
        ),
      );
      batches.push(...results.map(({ batchId }) => batchId));
    });
    for (const batchId of batches) {
      const own = lines.filter(({ traceId }) => traceId === batchId);
      expect(own.map(({ msg, statement }) => statement ?? msg)).toEqual([
        'load:accounts+holds+operations',
        'persist:aJHP',
        'batch',
      ]);
      expect(own[0]).toMatchObject({
        sql: expect.stringContaining('FROM accounts') as string,
        values: 8,
        rows: 1,
      });
      expect(own[2]).toMatchObject({
        status: 'partial',
        counts: { total: 2, applied: 1, rejected: 1 },
        pool: { max: 10, waiting: 0 },
      });
    }
    expect(lines.filter(({ traceId }) => traceId === undefined)).toEqual([]);
  });

  test('the debug log has the hits and misses of each batch of reads', async () => {
    const lines = await logged({}, async (pincex, forget) => {
      const userId = await newUser(pincex, { USD: '5' });
      const ids = [userId, fresh('nobody'), fresh('nobody')];
      await pincex.bookkeeper.getAccount(userId, 'USD');
      forget();
      await Promise.all(ids.map((id) => pincex.bookkeeper.getAccount(id, 'USD')));
    });
    expect(lines).toMatchObject([
      { msg: 'statement', statement: 'get-accounts', rows: 0 },
      { msg: 'read', kind: 'accounts', keys: 3, hits: 1, misses: 2 },
    ]);
    expect(lines[0]?.traceId).toBe(lines[1]?.traceId);
  });

  test('the debug log shows no values, and thus no amounts and ids, unless log_values is set', async () => {
    const work = async (pincex: Pincex): Promise<void> => {
      const userId = await newUser(pincex, { USD: '5.17' });
      await pincex.bookkeeper.getAccount(userId, 'USD');
    };
    expect(JSON.stringify(await logged({}, work))).not.toMatch(/5\.17|user-/);
    const shown = await logged({ PINCEX_DATABASE_OPTIMIZED_REPOSITORY_LOG_VALUES: 'true' }, work);
    expect(JSON.stringify(shown)).toMatch(/5\.17/);
  });

  test('the debug log never shows a password', async () => {
    const withPassword = new URL(database.url);
    withPassword.password ||= 'hunter2';
    const lines = await logged(
      {
        DATABASE_URL: withPassword.href,
        REDIS_URL: 'redis://me:hunter2@127.0.0.1:1',
        PINCEX_DATABASE_OPTIMIZED_REPOSITORY_LOG_VALUES: 'true',
      },
      async (pincex) => {
        await pincex.bookkeeper.getAccount(fresh('nobody'), 'USD');
      },
    );
    expect(lines.some(({ msg }) => msg === 'cache')).toBe(true);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(JSON.stringify(lines)).not.toContain(withPassword.password);
  });
});
