import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Pincex } from '../../src/index.ts';
import { Flights } from '../../src/repository/flights.ts';
import type { Kind } from '../../src/repository/kinds.ts';
import { ProcessCache } from '../../src/repository/processCache.ts';
import { Repository } from '../../src/repository/repository.ts';
import { configOf, expectBalanced, fresh, newUser } from '../support/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { NO_REDIS, startCluster, TestRedis } from '../support/redis.ts';
import { gate, until, type Gate } from '../support/waiting.ts';
import { interleavings, play, type Actor } from './interleavings.ts';

/** Rows, their readers in one process, and who writes them in another process that shares the cache. */
class World {
  /** What a reader was given that is older than what was published when it came. */
  readonly stale: string[] = [];
  readonly #committed = new Map<string, number>();
  readonly #published = new Map<string, number>();
  readonly #readers: Promise<void>[] = [];
  /** Of the database: held until it answers. */
  readonly #answers: Gate[] = [];
  readonly #here: Repository;
  readonly #elsewhere: Repository;
  readonly #kind: Kind<string, number> = {
    name: 'accounts',
    family: 'rows',
    keyOf: (key) => key,
    read: async (_, keys) => {
      const found = keys.map((key) => this.#committed.get(key) ?? 1);
      const answer = gate();
      this.#answers.push(answer);
      await answer.opened;
      return found;
    },
    versionOf: (value) => value,
    freshnessOf: () => ({ isFinal: false, changedAt: 0 }),
  };

  /** @param ttlMs 0 where nothing is cached, and no one has a lease */
  constructor(ttlMs: number) {
    const options = {
      primary: { query: () => Promise.resolve([]) },
      replica: null,
      cache: new ProcessCache(),
      ttlMs: { accounts: ttlMs, orders: 0, userOrders: 0, trades: 0 },
      ttl: 'fixed' as const,
      batchSize: 100,
    };
    this.#here = new Repository(options);
    this.#elsewhere = new Repository(options);
  }

  get statements(): number {
    return this.#answers.length;
  }

  /** One after the other, each of these rows at once. */
  readers(batches: readonly (readonly string[])[]): Actor {
    return batches.map((keys) => async () => {
      this.#readers.push(this.#read(keys));
      await turn();
    });
  }

  writer(key: string, commits: number): Actor {
    return Array.from({ length: commits }, (_, n) => [
      () => {
        this.#committed.set(key, n + 2);
      },
      async () => {
        const version = n + 2;
        await this.#elsewhere.publish({ replaced: [{ key, version, value: () => version }], removed: [] });
        this.#published.set(key, version);
      },
    ]).flat();
  }

  /** Answers the oldest question. */
  database(answers: number): Actor {
    return Array.from({ length: answers }, (_, n) => async () => {
      this.#answers[n]?.open();
      await turn();
    });
  }

  async end(): Promise<void> {
    // Also what is asked only now.
    for (const answer of this.#answers) {
      answer.open();
      await turn();
    }
    await Promise.all(this.#readers);
  }

  async #read(keys: readonly string[]): Promise<void> {
    const published = keys.map((key) => this.#published.get(key) ?? 1);
    const found = await this.#here.getMany(this.#kind, keys);
    for (const [n, least] of published.entries()) {
      if ((found[n] ?? 0) < least) this.stale.push(`${keys[n]}: ${found[n]} after ${least} was published`);
    }
  }
}

/** What is stale in any order in which a cast can act, and how many orders there are. */
async function playAll(ttlMs: number, castOf: (world: World) => Actor[]) {
  const stale: string[] = [];
  let orders = 0;
  for (const order of interleavings(castOf(new World(ttlMs)).map((actor) => actor.length))) {
    const world = new World(ttlMs);
    await play(order, castOf(world));
    await world.end();
    orders++;
    if (world.stale.length > 0) stale.push(`${order.join('')}: ${world.stale.join(', ')}`);
  }
  return { stale, orders };
}

describe.each([
  ['under leases', 60_000],
  ['without', 0],
])('readers %s', (_, ttlMs) => {
  test('of one row never get less than what another process published before they came, in whatever order', async () => {
    const played = await playAll(ttlMs, (world) => [
      world.readers([['a'], ['a'], ['a']]),
      world.writer('a', 2),
      world.database(2),
    ]);
    expect(played).toEqual({ stale: [], orders: 1_260 });
  });

  test('of batches that overlap do not either', async () => {
    const played = await playAll(ttlMs, (world) => [
      world.readers([['a'], ['b', 'a'], ['a', 'b']]),
      world.writer('a', 1),
      world.writer('b', 1),
      world.database(2),
    ]);
    expect(played).toEqual({ stale: [], orders: 7_560 });
  });

  test('who come while a row is being read make no more than one further statement', async () => {
    const world = new World(ttlMs);
    const [first, ...others] = world.readers(Array<string[]>(1_000).fill(['a']));
    await first?.();
    for (const other of others) void other();
    await turn();
    expect(world.statements).toBe(1);
    await world.end();
    expect(world.statements).toBeLessThanOrEqual(2);
  });
});

describe.skipIf(NO_REDIS !== null).each(['one Redis', 'a cluster'])('two processes that share %s', (kind) => {
  let database: TestDatabase;
  let nodes: TestRedis[];
  /** Between the reader and PostgreSQL. */
  let line: Proxy;
  let reader: Pincex;
  let writer: Pincex;
  let userId = '';
  let reads = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = kind === 'a cluster' ? await startCluster() : [await TestRedis.start()];
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`).join();
    const cache: Record<string, string> =
      kind === 'a cluster' ? { PINCEX_REDIS_CLUSTER: addresses } : { REDIS_URL: nodes[0]?.url ?? '' };
    line = await startProxy(database.url);
    reader = await Pincex.open({
      config: configOf(line.url, cache),
      onStatement: ({ name }) => {
        if (name === 'get-accounts') reads++;
      },
    });
    writer = await Pincex.open({ config: configOf(database.url, cache) });
  });
  beforeEach(async () => {
    userId = await newUser(writer, { USD: '100' });
    // Both have their connections, and the scripts are there.
    const known = await newUser(writer, { USD: '1' });
    await until('the cache to answer', async () => {
      const before = reads;
      await reader.bookkeeper.getAccount(known, 'USD');
      return reads === before;
    });
    reads = 0;
  });
  afterEach(() => expectBalanced(writer));
  afterAll(async () => {
    await Promise.all([reader.close(), writer.close()]);
    await line.close();
    for (const node of nodes) await node.remove();
    await database.drop();
  });

  const available = async (): Promise<string | undefined> =>
    (await reader.bookkeeper.getAccount(userId, 'USD'))?.available;
  const withdraw = async (): Promise<void> => {
    const out = { id: fresh('out'), userId, currency: 'USD', amount: '1' };
    expect((await writer.bookkeeper.withdraw(out)).status).toBe('applied');
  };
  /** Scripts that Redis has run. */
  const scripts = async (): Promise<number> => {
    const stats = await Promise.all(nodes.map((node) => node.command('INFO', 'commandstats')));
    const counts = stats.map((text) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(text)?.[1] ?? 0));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  /** The next answer that tells of a 100: what it says was so when PostgreSQL was asked. */
  const holdAnswer = async (): Promise<void> => {
    const heard = gate();
    line.onAnswer = (answer) => {
      if (!answer.includes('100.')) return 'pass';
      line.onAnswer = () => 'pass';
      heard.open();
      return 'hold';
    };
    await heard.opened;
  };

  test('who comes after a commit by one does not share what the other was reading before', async () => {
    const held = holdAnswer();
    const before = available();
    await held;
    await withdraw();
    const after = available();
    await turn();
    line.release();
    expect(await after).toBe('99');
    expect(await before).toBe('100');
    expect(await available()).toBe('99');
  });

  test('a thousand readers of a cold key make one statement, though they do not come at once', async () => {
    const held = holdAnswer();
    const readers = [available()];
    await held;
    const before = await scripts();
    for (let batch = 0; batch < 99; batch++) {
      for (let n = 0; n < 10; n++) readers.push(available());
      await turn();
    }
    await until('all to ask the cache', async () => (await scripts()) === before + 99);
    line.release();
    expect(new Set(await Promise.all(readers))).toEqual(new Set(['100']));
    expect(reads).toBe(1);
  });
});

describe('a read that failed', () => {
  const missed = [{ key: 'a', name: 'a', lease: 'l' }];

  test('is not what later readers get, though they have the same lease', async () => {
    const flights = new Flights();
    const failing = flights.read('rows', missed, () => Promise.reject(new Error('gone')));
    await expect(failing).rejects.toThrow('gone');
    await turn();
    expect(await flights.read('rows', missed, () => Promise.resolve([1]))).toEqual([1]);
    await turn();
    expect(await flights.read('rows', missed, () => Promise.resolve([2]))).toEqual([2]);
  });

  test('or that never answers holds up readers without a lease for a moment only', async () => {
    const flights = new Flights();
    const without = [{ key: 'a', name: 'a', lease: null }];
    void flights.read('rows', without, () => new Promise<number[]>(() => undefined));
    await turn();
    expect(await flights.read('rows', without, () => Promise.resolve([1]))).toEqual([1]);
  });
});
