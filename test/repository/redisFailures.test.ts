import { setImmediate as turn } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { isHit } from '../../src/repository/cache/cache.ts';
import { RedisCache } from '../../src/repository/redis/redisCache.ts';
import { configOf, expectBalanced, fresh, newUser } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';
import { until } from '../support/waiting.ts';
import { LASTING, redisConfig, setTimes, untilAnswering, usdOf, waitPatiently } from './support.ts';

/** Longer than an answer takes on a busy machine. */
const WAIT_MS = 30_000;

describe.skipIf(NO_REDIS !== null)('failures of Redis', () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let proxy: Proxy;
  /** Reads and writes through the proxy. */
  let pincex: Pincex;
  /** Another process that shares the same Redis, without the proxy. */
  let other: Pincex;
  let statements = 0;
  let userId = '';

  beforeAll(async () => {
    waitPatiently();
    database = await createTestDatabase();
  });
  beforeEach(async () => {
    setTimes({ redisWaitMs: WAIT_MS });
    redis = await TestRedis.start(['--maxmemory', '8mb']);
    proxy = await startProxy(redis.url);
    pincex = await open(proxy.url);
    other = await open(redis.url);
    userId = await newUser(pincex, { USD: '100' });
    await cached(pincex);
    await cached(other);
  });
  afterEach(async () => {
    await expectBalanced(other);
    await Promise.all([pincex.close(), other.close()]);
    await proxy.close();
    await redis.remove();
  });
  afterAll(async () => {
    await database.drop();
  });

  const open = (url: string): Promise<Pincex> =>
    Pincex.open({
      config: configOf(database.url, {
        ...LASTING,
        REDIS_URL: url,
      }),
      onStatement: () => statements++,
    });
  const available = (reader: Pincex): Promise<string | undefined> => usdOf(reader, userId);
  /** Waits until the account is answered from the cache, without a statement. */
  const cached = (reader: Pincex): Promise<void> =>
    until('the account to be cached', async () => {
      const before = statements;
      await available(reader);
      return statements === before;
    });
  const withdraw = async (by: Pincex, amount = '1'): Promise<void> => {
    const result = await by.bookkeeper.withdraw({ id: fresh('out'), userId, currency: 'USD', amount });
    expect(result.status).toBe('applied');
  };

  test('when Redis is killed, reads and batches go on, and it is used again once it is back', async () => {
    await redis.stop('SIGKILL');
    setTimes({ redisWaitMs: 100 });
    expect(await available(pincex)).toBe('100');
    await withdraw(pincex);
    expect(await available(pincex)).toBe('99');
    expect(await available(other)).toBe('99');
    await redis.start();
    setTimes({ redisWaitMs: WAIT_MS });
    await cached(pincex);
    expect(await available(other)).toBe('99');
    expect(await available(pincex)).toBe('99');
  });

  test('when Redis comes back with an old snapshot, nothing of that is believed', async () => {
    await redis.command('SAVE');
    await withdraw(pincex);
    await cached(other);
    expect(await available(other)).toBe('99');
    await redis.stop('SIGKILL');
    await redis.start();
    expect(Number(await redis.command('DBSIZE'))).toBeGreaterThan(0);
    await cached(pincex);
    await cached(other);
    expect(await available(pincex)).toBe('99');
    expect(await available(other)).toBe('99');
  });

  test('when a writer cannot reach Redis, its changes are published as soon as it can', async () => {
    proxy.shut();
    await withdraw(pincex);
    // The writer never reads an old value. Another process that reaches Redis does, until the writer's line is back.
    expect(await available(pincex)).toBe('99');
    expect(await available(other)).toBe('100');
    const account = await other.bookkeeper.getAccount(userId, 'USD', { minVersion: 2 });
    expect(account?.available).toBe('99');
    await withdraw(pincex);
    proxy.reopen();
    await until('the news to arrive', async () => {
      expect(await available(pincex)).toBe('98');
      return (await available(other)) === '98';
    });
    await cached(pincex);
    expect(await available(pincex)).toBe('98');
  });

  test('when Redis misses more changes than can be remembered, the whole cache is dropped', async () => {
    const users = Array.from({ length: 200 }, () => fresh('user'));
    await pincex.bookkeeper.batchDeposit(
      users.map((user) => ({ id: 'first', userId: user, currency: 'USD', amount: '10000' })),
    );
    await until('the accounts to be cached', async () => {
      const before = statements;
      await other.bookkeeper.batchGetAccounts(users, ['USD']);
      return statements === before;
    });
    proxy.shut();
    const pendingInvalidations = 1_000;
    setTimes({ pendingInvalidations });
    // Each order is four keys: the order, two lists of its user, and the account.
    for (let made = 0; made < pendingInvalidations; made += 1_000) {
      await pincex.trading.batchPlaceOrders(
        Array.from({ length: 1_000 }, (_, n) => ({
          id: fresh('order'),
          userId: users[n % users.length] ?? '',
          symbol: 'BTC/USD',
          side: 'buy' as const,
          type: 'limit' as const,
          quantity: '0.00001',
          price: '100.00',
        })),
      );
    }
    proxy.reopen();
    const [account] = await pincex.bookkeeper.batchGetAccounts(users.slice(0, 1), ['USD']);
    await until('the news to arrive', async () => {
      const [seen] = await other.bookkeeper.batchGetAccounts(users.slice(0, 1), ['USD']);
      return seen?.version === account?.version;
    });
    expect(await other.bookkeeper.batchGetAccounts(users, ['USD'])).toEqual(
      await pincex.bookkeeper.batchGetAccounts(users, ['USD']),
    );
  });

  test('when Redis does not answer, calls wait only briefly, and then not at all', async () => {
    redis.signal('SIGSTOP');
    setTimes({ redisWaitMs: 50 });
    expect(await available(pincex)).toBe('100');
    await withdraw(pincex);
    for (let n = 0; n < 20; n++) expect(await available(pincex)).toBe('99');
    redis.signal('SIGCONT');
    setTimes({ redisWaitMs: WAIT_MS });
    await until('the account to be cached', async () => {
      const before = statements;
      expect(await available(pincex)).toBe('99');
      return statements === before;
    });
    await until('the news to arrive', async () => (await available(other)) === '99');
  });

  test('when Redis answers again, changes that came while others were published are published before anything is read', async () => {
    const cache = new RedisCache(redisConfig({ url: redis.url }), 'books');
    const remove = (key: string): Promise<void> => cache.publish({ replaced: [], removed: [key] }, null);
    const isCached = async (key: string): Promise<boolean> => (await cache.read([key])).entries.some(isHit);
    try {
      await until('a row to be cached', async () => {
        const { entries } = await cache.read(['last']);
        for (const entry of entries) {
          if (isHit(entry) || entry.lease === null) continue;
          const fill = { key: 'last', lease: entry.lease, version: 1, value: 'old', ttlMs: 60_000 };
          await cache.fill([fill]);
        }
        return isCached('last');
      });
      redis.signal('SIGSTOP');
      setTimes({ redisWaitMs: 250 });
      for (let n = 0; n < 3; n++) await remove('first');
      // The read that tries whether Redis is back is not answered at once; by then it is publishing the first removal.
      let trial: Promise<boolean> | undefined;
      while (trial === undefined) {
        const reading = isCached('last');
        if ((await Promise.race([reading, turn('not yet')])) === 'not yet') trial = reading;
      }
      await remove('last');
      redis.signal('SIGCONT');
      expect(await trial).toBe(false);
    } finally {
      await cache.close();
    }
  });

  test('when Redis is flushed, the cache fills again', async () => {
    await redis.command('FLUSHALL');
    await withdraw(pincex);
    expect(await available(other)).toBe('99');
    await cached(other);
    await withdraw(other);
    expect(await available(pincex)).toBe('98');
  });

  test('when Redis is full, cached entries still learn of changes, and no call fails', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.command('SET', 'filler', 'x');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await withdraw(pincex);
    expect(await available(other)).toBe('99');
    expect(await available(pincex)).toBe('99');
    const stranger = await newUser(pincex, { USD: '7' });
    expect((await other.bookkeeper.getAccount(stranger, 'USD'))?.available).toBe('7');
    expect((await other.bookkeeper.getAccount(stranger, 'USD'))?.available).toBe('7');
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await cached(pincex);
    expect(await available(other)).toBe('99');
  });

  test('when Redis loses its scripts, the cache starts anew', async () => {
    await redis.command('SCRIPT', 'FLUSH');
    await withdraw(pincex);
    expect(await available(other)).toBe('99');
    await cached(other);
    expect(await available(pincex)).toBe('99');
  });

  test('when Redis holds nonsense, that counts as missing', async () => {
    for (const nonsense of ['', 'x', 'abcdefghijkl7|{"broken', '{}', 'abcdefghijkl?']) {
      await rewrite(redis, () => nonsense);
      expect(await available(pincex)).toBe('100');
    }
    await rewrite(redis, (entry) => `${entry.slice(0, 12)}1|{"broken`);
    expect(await available(pincex)).toBe('100');
    await cached(pincex);
    expect(await available(pincex)).toBe('100');
  });

  test('when the books of two databases share one Redis, neither reads what the other wrote', async () => {
    const elsewhere = await createTestDatabase();
    const foreign = await Pincex.open({ config: configOf(elsewhere.url, { REDIS_URL: redis.url }) });
    try {
      expect(await available(other)).toBe('100');
      expect(await available(foreign)).toBeUndefined();
      await foreign.bookkeeper.deposit({ id: 'first', userId, currency: 'USD', amount: '7' });
      expect(await available(foreign)).toBe('7');
      expect(await available(other)).toBe('100');
    } finally {
      await foreign.close();
      await elsewhere.drop();
    }
  });

  test('when every entry in Redis is poisoned, everything that is decided is still right', async () => {
    const seller = await newUser(pincex, { BTC: '1' });
    const buy = {
      id: fresh('order'),
      userId,
      symbol: 'BTC/USD',
      side: 'buy' as const,
      type: 'limit' as const,
      quantity: '0.5',
      price: '100.00',
    };
    const sell = { ...buy, id: fresh('order'), userId: seller, side: 'sell' as const };
    await pincex.trading.batchPlaceOrders([buy, sell]);
    const readAll = async () => [
      await pincex.bookkeeper.batchGetAccounts([userId, seller], ['USD', 'BTC']),
      await pincex.trading.batchGetOrdersByIds([buy.id, sell.id]),
      await pincex.trading.batchGetUserOrders([userId, seller]),
      await pincex.trading.batchGetTradesByOrderIds([buy.id]),
    ];
    await readAll();
    await until('all of it to be cached', async () => {
      const before = statements;
      await readAll();
      return statements === before;
    });
    // Every account has a million and nothing locked; every order is filled and has the quantity 900.
    await rewrite(redis, (entry) =>
      entry
        .replace(/"(available|balance)":"[^"]*"/g, '"$1":"1000000"')
        .replace(/"locked":"[^"]*"/g, '"locked":"0"')
        .replace(/"status":"[^"]*"/g, '"status":"filled"')
        .replace(/"quantity":"[^"]*"/g, '"quantity":"900"'),
    );
    expect(await available(pincex)).toBe('1000000');

    const { bookkeeper, trading } = pincex;
    const lock = { id: fresh('lock'), userId, currency: 'USD', orderId: fresh('order') };
    expect(await bookkeeper.lockFunds({ ...lock, amount: '50.01' })).toMatchObject({
      error: { code: 'insufficient_funds' },
    });
    expect(await bookkeeper.lockFunds({ ...lock, amount: '50' })).toMatchObject({ status: 'applied' });
    expect(await bookkeeper.unlockFunds({ ...lock, id: fresh('unlock'), amount: '50.01' })).toMatchObject({
      error: { code: 'hold_exceeded' },
    });
    expect((await trading.batchPlaceOrders([{ ...buy, id: fresh('order') }])).results[0]).toMatchObject({
      error: { code: 'insufficient_funds' },
    });
    const trade = {
      id: fresh('trade'),
      symbol: 'BTC/USD',
      price: '100.00',
      buyUserId: userId,
      buyOrderId: buy.id,
      sellUserId: seller,
      sellOrderId: sell.id,
      takerSide: 'buy' as const,
    };
    expect((await trading.batchSettleTrades([{ ...trade, quantity: '0.6' }])).results[0]?.status).toBe(
      'rejected',
    );
    expect(
      (await trading.batchSettleTrades([{ ...trade, id: fresh('trade'), quantity: '0.5' }])).results[0]
        ?.status,
    ).toBe('applied');
    const cancel = { id: fresh('cancel'), userId, orderId: buy.id };
    expect((await trading.batchCancelOrders([cancel])).results[0]?.status).toBe('rejected');
  });
});

test.skipIf(NO_REDIS !== null)(
  'a log position that Redis missed is published later, or as unknown',
  async () => {
    const redis = await TestRedis.start();
    const cache = new RedisCache(redisConfig({ url: redis.url }), 'books');
    try {
      const position = async (): Promise<bigint | null> => (await cache.read(['any'])).position;
      const changes = { replaced: [], removed: ['any'] };
      await untilAnswering(cache);
      await until('Redis to know a position', async () => {
        const { position, learn } = await cache.read(['any']);
        await learn?.(500n);
        return position === 500n;
      });
      for (const [missed, known] of [
        [600n, 600n],
        ['unknown', null],
      ] as const) {
        redis.signal('SIGSTOP');
        setTimes({ redisWaitMs: 50 });
        await cache.publish(changes, missed);
        redis.signal('SIGCONT');
        setTimes({ redisWaitMs: WAIT_MS });
        await until('Redis to be told', async () => {
          const { position, entries } = await cache.read(['any']);
          return entries.every((entry) => isHit(entry) || entry.lease !== null) && position === known;
        });
      }
      expect(await position()).toBeNull();
    } finally {
      await cache.close();
      await redis.remove();
    }
  },
);

/** Replaces every account, order and list in Redis; each keeps the time that it has left. */
async function rewrite(redis: TestRedis, to: (entry: string) => string): Promise<void> {
  const client = createClient({ url: redis.url });
  await client.connect();
  try {
    for (const key of await client.keys('pincex:*:*s:*')) {
      const entry = await client.get(key);
      if (entry !== null) await client.set(key, to(entry), { expiration: 'KEEPTTL' });
    }
  } finally {
    client.destroy();
  }
}
