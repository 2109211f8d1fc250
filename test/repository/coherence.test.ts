import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Diagnostics, listen } from '../../src/diagnostics.ts';
import {
  isHit,
  type Cache,
  type CacheRead,
  type Entry,
  type AbsentEntry,
} from '../../src/repository/cache/cache.ts';
import { ProcessCache } from '../../src/repository/cache/processCache.ts';
import { RedisCache } from '../../src/repository/redis/redisCache.ts';
import { linkTo, type RedisLink } from '../../src/repository/redis/redisLink.ts';
import { isLong } from '../support/books.ts';
import { NO_REDIS, TestRedis } from '../support/redis.ts';
import { distinctInterleavings, interleavings, play, type Place, type Step } from './interleavings.ts';
import { redisConfig, untilAnswering, waitPatiently } from './support.ts';

/** In whatever order readers, writers and losses use a cache, no reader finds less than was published before. */

/** The steps of one actor, and whether each happens at the cache or at the database. */
type Actor = readonly (readonly [Place, Step])[];

/** A cache in which one order of steps is played at a time. */
interface Lane {
  readonly cache: Cache;
  /** Evicts, expires or flushes the entry, the lease or the position under this key. */
  readonly lose: (key: string) => Promise<void>;
}

/** A row of the database, with what its readers and writers do to the cache, step by step. */
class World {
  /** The committed version, and the newest one that was published. */
  committed = 1;
  published = 0;
  /** Versions that a reader found although a newer one had been published before it looked. */
  readonly stale: string[] = [];
  hits = 0;
  readonly #cache: Cache;
  readonly #lane: Lane;
  readonly key: string;

  constructor(lane: Lane, key: string) {
    this.#lane = lane;
    this.#cache = lane.cache;
    this.key = key;
  }

  /** Looks into the cache; on a miss it reads the row and fills the cache. */
  reader(): Actor {
    let found: Entry | AbsentEntry | undefined;
    let row = 0;
    return [
      ['cache', async () => void (found = await this.look())],
      ['database', () => void (row = this.committed)],
      [
        'cache',
        async () => {
          if (found === undefined || isHit(found) || found.lease === null) return;
          const fill = {
            key: this.key,
            lease: found.lease,
            version: row,
            value: `v${row}`,
            ttlMs: 3_600_000,
          };
          await this.#cache.fill([fill]);
        },
      ],
    ];
  }

  /** Commits, then publishes the new value, or only that the old one is gone. */
  writer(how: 'replaces' | 'removes'): Actor {
    let version = 0;
    return [
      ['database', () => void (version = ++this.committed)],
      [
        'cache',
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
      ],
    ];
  }

  loss(times = 1): Actor {
    return Array<Actor[number]>(times).fill(['cache', () => this.#lane.lose(this.key)]);
  }

  async look(): Promise<Entry | AbsentEntry | undefined> {
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

/** The write-ahead log of the primary: its writers and readers tell the cache how far it has come. */
class Log {
  #end = 1_000n;
  /** The position of the last commit that was published. */
  #published = 0n;
  /** Positions that the cache gave although a later one had been published. */
  readonly short: string[] = [];
  known = 0;
  readonly #cache: Cache;
  readonly #lane: Lane;

  constructor(lane: Lane) {
    this.#lane = lane;
    this.#cache = lane.cache;
  }

  /** Commits, then publishes the position of the log, or that it could not be asked for. */
  writer(asks: 'answered' | 'in vain'): Actor {
    let position = 0n;
    return [
      ['database', () => void (position = ++this.#end)],
      [
        'cache',
        async () => {
          const changes = { replaced: [], removed: ['any'] };
          await this.#cache.publish(changes, asks === 'answered' ? position : 'unknown');
          if (position > this.#published) this.#published = position;
        },
      ],
    ];
  }

  /** Asks the primary for the position when the cache has none, and tells the cache. */
  reader(): Actor {
    let learn: CacheRead['learn'];
    let position = 0n;
    return [
      ['cache', async () => void (learn = (await this.look()).learn)],
      ['database', () => void (position = this.#end)],
      ['cache', async () => learn?.(position)],
    ];
  }

  /** Loses the position in Redis; a cache in the process loses none. */
  loss(): Actor {
    return [['cache', () => (this.#cache.store === 'redis' ? this.#lane.lose('position') : undefined)]];
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

const stepsOf = (actors: readonly Actor[]): Step[][] => actors.map((actor) => actor.map(([, step]) => step));

/** Plays the orders, each in a lane that is free; returns how many were played. The long form plays all orders. */
async function playAll(
  lanes: readonly (() => Lane)[],
  castOf: (lane: Lane) => readonly Actor[],
  playOne: (order: readonly number[], lane: Lane) => Promise<void>,
): Promise<number> {
  const [first = processLane] = lanes;
  const places = castOf(first()).map((actor) => actor.map(([place]) => place));
  const orders = isLong ? interleavings(places.map(({ length }) => length)) : distinctInterleavings(places);
  let played = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      for (const order of orders) {
        played++;
        await playOne(order, lane());
      }
    }),
  );
  return played;
}

function processLane(): Lane {
  const cache = new ProcessCache();
  return { cache, lose: (key) => cache.publish({ replaced: [], removed: [key] }, null) };
}

/** Each lane has a keyspace of its own: while one lane waits for Redis, the others go on. */
const REDIS_LANES = 16;

describe.each(['process', 'redis'] as const)('the %s cache under every order of steps', (store) => {
  const skipped = store === 'redis' && NO_REDIS !== null;
  let redis: TestRedis | undefined;
  let link: RedisLink | undefined;
  const caches: RedisCache[] = [];
  let lanes: (() => Lane)[] = [processLane];
  const failures: unknown[] = [];

  beforeAll(async () => {
    if (store === 'process' || skipped) return;
    waitPatiently();
    redis = await TestRedis.start();
    const config = redisConfig({ url: redis.url, poolSize: 1 });
    const raw = linkTo(config);
    link = raw;
    lanes = Array.from({ length: REDIS_LANES }, (_, n) => {
      const diagnostics = new Diagnostics();
      listen(diagnostics.instance, { cacheFailure: ({ error }) => failures.push(error) });
      const cache = new RedisCache(config, `lane-${n}`, diagnostics);
      caches.push(cache);
      const lose = async (key: string): Promise<void> => {
        await raw.send('', ['DEL', `pincex:2:lane-${n}:{0}:${key}`]);
      };
      return () => ({ cache, lose });
    });
    for (const cache of caches) await untilAnswering(cache);
    failures.length = 0;
  });
  afterAll(async () => {
    await Promise.all(caches.map((cache) => cache.close()));
    await link?.close();
    await redis?.remove();
  });

  const casts: [string, (world: World) => Actor[]][] = [
    ['two readers and a commit', (world) => [world.reader(), world.reader(), world.writer('replaces')]],
    ['two readers and a removal', (world) => [world.reader(), world.reader(), world.writer('removes')]],
    [
      'a reader and two commits whose publications may overtake each other',
      (world) => [world.reader(), world.writer('replaces'), world.writer('replaces')],
    ],
    [
      'a reader, two commits, and an entry that is lost',
      (world) => [world.reader(), world.writer('replaces'), world.writer('replaces'), world.loss()],
    ],
    [
      'two readers, a commit, and an entry that is lost',
      (world) => [world.reader(), world.reader(), world.writer('replaces'), world.loss()],
    ],
    [
      'a reader, a commit, a removal, and two losses',
      (world) => [world.reader(), world.writer('replaces'), world.writer('removes'), world.loss(2)],
    ],
  ];
  test.skipIf(skipped).each(casts)('the cache is never behind what was published: %s', async (_, castOf) => {
    const stale: string[] = [];
    let rows = 0;
    let hits = 0;
    const orders = await playAll(
      lanes,
      (lane) => castOf(new World(lane, 'nobody')),
      async (order, lane) => {
        const world = new World(lane, `row ${rows++}`);
        await play(order, stepsOf(castOf(world)));
        // A reader that comes last must not find an old version either.
        await world.look();
        hits += world.hits;
        if (world.stale.length > 0) stale.push(`${order.join('')}: ${world.stale.join(', ')}`);
      },
    );
    expect(stale).toEqual([]);
    expect(orders).toBeGreaterThan(50);
    expect(hits).toBeGreaterThan(0);
    expect(failures).toEqual([]);
  });

  const logs: [string, (log: Log) => Actor[]][] = [
    [
      'two commits whose publications may overtake each other, a reader, and a loss',
      (log) => [log.writer('answered'), log.writer('answered'), log.reader(), log.loss()],
    ],
    [
      'a commit, one whose position nobody knows, and a reader',
      (log) => [log.writer('answered'), log.writer('in vain'), log.reader()],
    ],
    [
      'a commit, two readers, and a loss',
      (log) => [log.writer('answered'), log.reader(), log.reader(), log.loss()],
    ],
  ];
  test.skipIf(skipped).each(logs)(
    'the cache knows no position but the last one that was published: %s',
    async (_, castOf) => {
      const short: string[] = [];
      let known = 0;
      await playAll(
        lanes,
        (lane) => castOf(new Log(lane)),
        async (order, lane) => {
          const log = new Log(lane);
          // Each order begins with one known position, and without that of the order before.
          await play([0, 1, 1, 2, 2, 2], stepsOf([log.loss(), log.writer('answered'), log.reader()]));
          await play(order, stepsOf(castOf(log)));
          await log.look();
          known += log.known;
          if (log.short.length > 0) short.push(`${order.join('')}: ${log.short.join(', ')}`);
        },
      );
      expect(short).toEqual([]);
      expect(known).toBeGreaterThan(50);
      expect(failures).toEqual([]);
    },
  );
});
