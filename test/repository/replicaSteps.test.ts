import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as kinds from '../../src/repository/kinds.ts';
import { Database, type Session } from '../../src/database/database.ts';
import { type Cache, type CacheRead } from '../../src/repository/cache/cache.ts';
import { ProcessCache } from '../../src/repository/cache/processCache.ts';
import { RedisCache } from '../../src/repository/redis/redisCache.ts';
import { Replica } from '../../src/repository/replica.ts';
import { Repository } from '../../src/repository/repository.ts';
import { newUser } from '../support/books.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';
import { gate, type Gate } from '../support/waiting.ts';
import { availableOf, servers, withdraw, writer, useReplica } from './replicas.ts';
import { redisConfig, untilAnswering } from './support.ts';

/** Readers and commits that meet between two steps, while the replica is behind. */

useReplica();

/** Knows positions but has neither entries nor leases, as a cluster of which one node is away. */
class LeaselessCache extends ProcessCache {
  override async read(...[keys, asked]: Parameters<Cache['read']>): Promise<CacheRead> {
    const read = await super.read(keys, asked);
    return { ...read, entries: keys.map(() => ({ lease: null })) };
  }
}

/** The steps of one reader and one commit, each held until the test lets it go on. */
describe('a reader and a commit, step by step', () => {
  let primary: Database;
  let replica: Database;

  beforeAll(() => {
    const options = {
      max: 4,
      connectionTimeoutMs: 10_000,
      maxWaiting: 1_000,
      statementTimeoutMs: 60_000,
      idleTimeoutMs: 30_000,
      queryHints: true,
    };
    primary = new Database({ ...options, url: servers.primaryUrl });
    replica = new Database({ ...options, url: servers.replicaUrl, server: 'replica' });
  });
  afterAll(() => Promise.all([primary.close(), replica.close()]));

  /** A process on these servers. A statement that `hold` names is held once it has run. */
  function heldRepository(cache: Cache = new ProcessCache()) {
    const holds = new Map<string, { ran: Gate; goOn: Gate }>();
    const held = (session: Session): Session => ({
      async query<Row>(...[statement, values]: Parameters<Session['query']>) {
        const rows = await session.query<Row>(statement, values);
        const hold = holds.get(statement.name);
        holds.delete(statement.name);
        hold?.ran.open();
        await hold?.goOn.opened;
        return rows;
      },
    });
    const repository = new Repository({
      primary: held(primary),
      replica: new Replica({ withSession: (work) => replica.withSession((session) => work(held(session))) }),
      cache,
      ttlMs: { accounts: 60_000, orders: 60_000, userOrders: 60_000, trades: 60_000 },
      ttl: 'fixed',
      batchSize: 100,
    });
    const hold = (statement: string) => {
      const steps = { ran: gate(), goOn: gate() };
      holds.set(statement, steps);
      return steps;
    };
    // This read is not gathered, so that it joins the reads under way at once.
    const read = async (userId: string): Promise<string | undefined> => {
      const [account] = await repository.getMany(kinds.accounts, [{ userId, currency: 'USD' }]);
      return availableOf(account);
    };
    const publish = (userId: string): Promise<void> =>
      repository.publish({ replaced: [], removed: [kinds.accounts.keyOf({ userId, currency: 'USD' })] });
    return { hold, read, publish };
  }

  test('a row that was read from the replica before a commit is not cached after it', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    await servers.catchUp();
    const { hold, read, publish } = heldRepository();
    const reading = hold('get-accounts');
    const before = read(userId);
    await reading.ran.opened;
    await servers.pauseReplay();
    await withdraw(writer, userId);
    await publish(userId);
    reading.goOn.open();
    expect(await before).toBe('100');
    expect(await read(userId)).toBe('99');
  });

  test('a reader that comes after a commit does not share a read that was made while the commit was being published', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const { hold, read, publish } = heldRepository();
    await publish('anybody');
    await servers.catchUp();
    await servers.pauseReplay();
    await withdraw(writer, userId);
    const publishing = hold('primary-position');
    const published = publish(userId);
    await publishing.ran.opened;
    const reading = hold('get-accounts');
    const meanwhile = read(userId);
    await reading.ran.opened;
    publishing.goOn.open();
    await published;
    const after = read(userId);
    reading.goOn.open();
    expect(await after).toBe('99');
    expect(await meanwhile).toBe('100');
    expect(await read(userId)).toBe('99');
  });

  test('a position that came without a lease is not believed, since a node that is away may have missed a later one', async () => {
    const userId = await newUser(writer.pincex, { USD: '100' });
    const { read, publish } = heldRepository(new LeaselessCache());
    await publish('anybody');
    await servers.catchUp();
    await servers.pauseReplay();
    await withdraw(writer, userId);
    expect(await read(userId)).toBe('99');
  });

  describe.each(['process', 'redis'] as const)('with the cache in %s', (store) => {
    const skipped = store === 'redis' && NO_REDIS !== null;
    let redis: TestRedis | undefined;
    let cache: Cache;

    beforeEach(async () => {
      redis = store === 'redis' && !skipped ? await TestRedis.start() : undefined;
      cache =
        redis === undefined ? new ProcessCache() : new RedisCache(redisConfig({ url: redis.url }), 'books');
      await untilAnswering(cache);
    });
    afterEach(async () => {
      await cache.close();
      await redis?.remove();
    });

    test.skipIf(skipped)(
      'after a commit whose log position could not be asked for, readers avoid the replica until it can be',
      async () => {
        const [userId, other] = [
          await newUser(writer.pincex, { USD: '100' }),
          await newUser(writer.pincex, { USD: '7' }),
        ];
        await servers.catchUp();
        await servers.pauseReplay();
        await withdraw(writer, userId);
        let isAway = true;
        let onReplica = 0;
        const repository = new Repository({
          primary: {
            query: (statement, values) =>
              isAway ? Promise.reject(new Error('away')) : primary.query(statement, values),
          },
          replica: new Replica({
            withSession: (work) =>
              replica.withSession((session) =>
                work({
                  query(statement, values) {
                    if (statement.name === 'get-accounts') onReplica++;
                    return session.query(statement, values);
                  },
                }),
              ),
          }),
          cache,
          ttlMs: { accounts: 60_000, orders: 60_000, userOrders: 60_000, trades: 60_000 },
          ttl: 'fixed',
          batchSize: 100,
        });
        const read = async (userId: string) =>
          availableOf(await repository.get(kinds.accounts, { userId, currency: 'USD' }));
        await repository.publish({ replaced: [], removed: ['anything'] });
        isAway = false;
        expect(await read(userId)).toBe('99');
        expect(onReplica).toBe(0);
        await servers.resumeReplay();
        await servers.catchUp();
        expect(await read(other)).toBe('7');
        expect(onReplica).toBe(1);
      },
    );

    test.skipIf(skipped)(
      'a lower log position that is published after a higher one was lost lets no old row into the cache',
      async () => {
        const userId = await newUser(writer.pincex, { USD: '100' });
        const { hold, read, publish } = heldRepository(cache);
        const slow = hold('primary-position');
        const published = publish('anybody');
        await slow.ran.opened;
        await servers.catchUp();
        await servers.pauseReplay();
        await withdraw(writer, userId);
        await publish(userId);
        await redis?.command('FLUSHALL');
        slow.goOn.open();
        await published;
        expect(await read(userId)).toBe('99');
        expect(await read(userId)).toBe('99');
      },
    );
  });
});
