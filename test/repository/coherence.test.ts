import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isHit, type Cache, type CacheRead, type Entry, type Miss } from '../../src/repository/cache.ts';
import { ProcessCache } from '../../src/repository/processCache.ts';
import { RedisCache } from '../../src/repository/redisCache.ts';
import { linkTo, type RedisLink } from '../../src/repository/redisLink.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';
import { until } from '../support/waiting.ts';
import { redisConfig } from './support.ts';
import { interleavings, play, type Actor, type Step } from './interleavings.ts';

/** A row of the database, and what its readers and writers do to the cache, step by step. */
class World {
  /** The version that is committed, and the newest that was published. */
  committed = 1;
  published = 0;
  /** What a reader found that was older than what had been published before it looked. */
  readonly stale: string[] = [];
  hits = 0;
  readonly #cache: Cache;
  readonly key: string;

  constructor(cache: Cache, key: string) {
    this.#cache = cache;
    this.key = key;
  }

  /** Looks into the cache; reads the row where it is not there; fills it in. */
  reader(): Actor {
    let found: Entry | Miss | undefined;
    let row = 0;
    return [
      async () => {
        found = await this.look();
      },
      () => {
        row = this.committed;
      },
      async () => {
        if (found === undefined || isHit(found) || found.lease === null) return;
        const fill = { key: this.key, lease: found.lease, version: row, value: `v${row}`, ttlMs: 60_000 };
        await this.#cache.fill([fill]);
      },
    ];
  }

  /** Commits, and publishes the new value, or that there is one. */
  writer(how: 'replaces' | 'removes'): Actor {
    let version = 0;
    return [
      () => {
        version = ++this.committed;
      },
      async () => {
        const { key } = this;
        const value = `v${version}`;
        await this.#cache.publish(
          how === 'replaces'
            ? { replaced: [{ key, version, value: () => value }], removed: [] }
            : { replaced: [], removed: [key] },
          null,
        );
        this.published = Math.max(this.published, version);
      },
    ];
  }

  async look(): Promise<Entry | Miss | undefined> {
    const { published } = this;
    const { entries } = await this.#cache.read([this.key]);
    const [entry] = entries;
    if (entry !== undefined && isHit(entry)) this.hits++;
    if (entry !== undefined && isHit(entry) && entry.version < published) {
      this.stale.push(`version ${entry.version} after ${published} was published`);
    }
    return entry;
  }
}

/** The log of the primary, and how those who write and read tell the cache how far it has come. */
class Log {
  #end = 1_000n;
  /** Of the last commit that was published. */
  #published = 0n;
  /** What the cache called known though more had been published. */
  readonly short: string[] = [];
  known = 0;
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** Commits, and publishes how far the log is then, or that it could not be asked. */
  writer(asks: 'answered' | 'in vain'): Actor {
    let position = 0n;
    return [
      () => {
        position = ++this.#end;
      },
      async () => {
        const changes = { replaced: [], removed: ['any'] };
        await this.#cache.publish(changes, asks === 'answered' ? position : 'unknown');
        if (position > this.#published) this.#published = position;
      },
    ];
  }

  /** Asks the primary where the cache does not know, and tells the cache. */
  reader(): Actor {
    let learn: CacheRead['learn'];
    let position = 0n;
    return [
      async () => {
        learn = (await this.look()).learn;
      },
      () => {
        position = this.#end;
      },
      async () => learn?.(position),
    ];
  }

  async look(): Promise<CacheRead> {
    const read = await this.#cache.read(['any']);
    if (read.position !== null) this.known++;
    if (read.position !== null && read.position < this.#published) {
      this.short.push(`${read.position} after ${this.#published} was published`);
    }
    return read;
  }
}

/** Plays every order, and names those in which a reader found what was no longer so. */
async function staleOrders(
  cache: Cache,
  cast: (world: World) => Actor[],
): Promise<{ orders: number; hits: number; stale: string[] }> {
  const lengths = cast(new World(cache, 'nobody')).map((actor) => actor.length);
  const stale: string[] = [];
  let orders = 0;
  let hits = 0;
  for (const order of interleavings(lengths)) {
    const world = new World(cache, `row ${orders++}`);
    await play(order, cast(world));
    // Whoever comes last must not find it either.
    await world.look();
    hits += world.hits;
    if (world.stale.length > 0) stale.push(`${order.join('')}: ${world.stale.join(', ')}`);
  }
  return { orders, hits, stale };
}

describe.each(['process', 'redis'] as const)('in whatever order things happen, the %s cache', (store) => {
  const skipped = store === 'redis' && NO_REDIS !== null;
  let redis: TestRedis | undefined;
  let link: RedisLink | undefined;
  let cache: Cache = new ProcessCache();
  const failures: unknown[] = [];

  beforeAll(async () => {
    if (store === 'process' || skipped) return;
    redis = await TestRedis.start();
    link = linkTo(redisConfig({ url: redis.url }));
    cache = new RedisCache(redisConfig({ url: redis.url }), 'books', (error) => failures.push(error));
    await until('the cache to answer', async () => {
      const { entries } = await cache.read(['ready']);
      return entries.some((entry) => isHit(entry) || entry.lease !== null);
    });
    failures.length = 0;
  });
  afterAll(async () => {
    await cache.close();
    await link?.close();
    await redis?.remove();
  });

  /** The entry, or the lease, is lost: evicted, expired, or flushed. */
  const loses = (world: World): Step => {
    return async () => {
      if (link === undefined) await cache.publish({ replaced: [], removed: [world.key] }, null);
      else await link.send('', ['DEL', `pincex:2:books:{0}:${world.key}`]);
    };
  };

  const casts: [string, (world: World) => Actor[]][] = [
    ['two readers and a commit', (world) => [world.reader(), world.reader(), world.writer('replaces')]],
    ['two readers and a removal', (world) => [world.reader(), world.reader(), world.writer('removes')]],
    [
      'a reader and two commits whose publications may overtake each other',
      (world) => [world.reader(), world.writer('replaces'), world.writer('replaces')],
    ],
    [
      'a reader, two commits, and an entry that is lost',
      (world) => [world.reader(), world.writer('replaces'), world.writer('replaces'), [loses(world)]],
    ],
    [
      'two readers, a commit, and an entry that is lost',
      (world) => [world.reader(), world.reader(), world.writer('replaces'), [loses(world)]],
    ],
    [
      'a reader, a commit, a removal, and two losses',
      (world) => [
        world.reader(),
        world.writer('replaces'),
        world.writer('removes'),
        [loses(world), loses(world)],
      ],
    ],
  ];
  test.skipIf(skipped).each(casts)('is never behind what was published: %s', async (_, cast) => {
    const { orders, hits, stale } = await staleOrders(cache, cast);
    expect(stale).toEqual([]);
    expect(orders).toBeGreaterThan(200);
    expect(hits).toBeGreaterThan(0);
    expect(failures).toEqual([]);
  });

  /** The position is evicted, expired, or flushed. A process loses none. */
  const forgets: Step = async () => {
    await link?.send('', ['DEL', 'pincex:2:books:{0}:position']);
  };
  const logs: [string, (log: Log) => Actor[]][] = [
    [
      'two commits whose publications may overtake each other, a reader, and a loss',
      (log) => [log.writer('answered'), log.writer('answered'), log.reader(), [forgets]],
    ],
    [
      'a commit, one whose position nobody knows, and a reader',
      (log) => [log.writer('answered'), log.writer('in vain'), log.reader()],
    ],
    [
      'a commit, two readers, and a loss',
      (log) => [log.writer('answered'), log.reader(), log.reader(), [forgets]],
    ],
  ];
  test.skipIf(skipped).each(logs)('knows no position but the last one: %s', async (_, cast) => {
    const short: string[] = [];
    let known = 0;
    for (const order of interleavings(cast(new Log(cache)).map((actor) => actor.length))) {
      const own = store === 'process' ? new ProcessCache() : cache;
      await forgets();
      const log = new Log(own);
      // One is known to begin with.
      await play([0, 0, 1, 1, 1], [log.writer('answered'), log.reader()]);
      await play(order, cast(log));
      await log.look();
      known += log.known;
      if (log.short.length > 0) short.push(`${order.join('')}: ${log.short.join(', ')}`);
    }
    expect(short).toEqual([]);
    expect(known).toBeGreaterThan(100);
    expect(failures).toEqual([]);
  });
});
