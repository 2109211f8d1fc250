import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { limits } from '../../src/index.ts';
import { InFlightReads } from '../../src/repository/inFlightReads.ts';
import type { Kind } from '../../src/repository/kinds.ts';
import { ProcessCache } from '../../src/repository/cache/processCache.ts';
import { Repository } from '../../src/repository/repository.ts';
import { gate, type Gate } from '../support/waiting.ts';
import { interleavings, play, type Actor } from './interleavings.ts';

/** Readers of the same rows share a read under way where it cannot be older than a read of their own. */

// The time for which a reader waits for others passes only when a test says so.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
});

/** Rows, their readers in one process, and their writers in another process that shares the cache. */
class World {
  /** Results that were older than what had been published when their reader came. */
  readonly stale: string[] = [];
  readonly #committed = new Map<string, number>();
  readonly #published = new Map<string, number>();
  readonly #readers: Promise<void>[] = [];
  /** The answers of the database, each held until the test lets it go. */
  readonly #answers: Gate[] = [];
  readonly #here: Repository;
  readonly #elsewhere: Repository;
  readonly #kind: Kind<string, number> = {
    name: 'accounts',
    operation: 'batch_get_accounts',
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

  /** @param ttlMs 0 where nothing is cached and no reader has a lease */
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

  /** Readers that come one after the other, each for all rows of its batch at once. */
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

  /** Lets the database answer its queries, the oldest first. */
  database(answers: number): Actor {
    return Array.from({ length: answers }, (_, n) => async () => {
      this.#answers[n]?.open();
      await turn();
    });
  }

  async end(): Promise<void> {
    // Queries that are made only now are answered too.
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

/** Worlds that are played at the same time: most of a step is a turn of the event loop, which all worlds share. */
const LANES = 100;

/** Plays every order in which the actors can act; returns the stale results and the number of orders. */
async function playAll(ttlMs: number, castOf: (world: World) => Actor[]) {
  const stale: string[] = [];
  const orders = interleavings(castOf(new World(ttlMs)).map((actor) => actor.length));
  let played = 0;
  const lane = async (): Promise<void> => {
    for (const order of orders) {
      const world = new World(ttlMs);
      await play(order, castOf(world));
      await world.end();
      played++;
      if (world.stale.length > 0) stale.push(`${order.join('')}: ${world.stale.join(', ')}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { stale, orders: played };
}

describe.each([
  ['with leases', 60_000],
  ['without leases', 0],
])('readers %s', (_, ttlMs) => {
  test('readers of one row never get less than another process had published before they came, in any order of steps', async () => {
    const played = await playAll(ttlMs, (world) => [
      world.readers([['a'], ['a'], ['a']]),
      world.writer('a', 2),
      world.database(2),
    ]);
    expect(played).toEqual({ stale: [], orders: 1_260 });
  });

  test('readers of overlapping batches never get less than was published before they came, in any order of steps', async () => {
    const played = await playAll(ttlMs, (world) => [
      world.readers([['a'], ['b', 'a'], ['a', 'b']]),
      world.writer('a', 1),
      world.writer('b', 1),
      world.database(2),
    ]);
    expect(played).toEqual({ stale: [], orders: 7_560 });
  });

  test('readers that come while a row is being read cause no more than one further statement', async () => {
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

describe('a shared read', () => {
  test('a read that failed is not given to later readers, even if they have the same lease', async () => {
    const missed = [{ key: 'a', name: 'a', lease: 'l' }];
    const inFlight = new InFlightReads();
    const failing = inFlight.read('rows', missed, () => Promise.reject(new Error('gone')));
    await expect(failing).rejects.toThrow('gone');
    await turn();
    expect(await inFlight.read('rows', missed, () => Promise.resolve([1]))).toEqual([1]);
    await turn();
    expect(await inFlight.read('rows', missed, () => Promise.resolve([2]))).toEqual([2]);
  });

  test('a read that never answers holds up readers without a lease only for aheadMs', async () => {
    const missed = [{ key: 'a', name: 'a', lease: null }];
    const inFlight = new InFlightReads();
    void inFlight.read('rows', missed, () => new Promise<number[]>(() => undefined));
    await turn();
    const load = vi.fn(() => Promise.resolve([1]));
    const read = inFlight.read('rows', missed, load);
    await vi.advanceTimersByTimeAsync(limits.repository.aheadMs - 1);
    expect(load).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await read).toEqual([1]);
  });
});
