import type { RedisConfig } from '../../src/config/load.ts';
import { limits, type Pincex } from '../../src/index.ts';
import { isHit, type Cache } from '../../src/repository/cache/cache.ts';
import { until } from '../support/waiting.ts';

/** The Redis configuration of an operator who sets only these values. */
export function redisConfig(said: Partial<RedisConfig>): RedisConfig {
  return {
    url: null,
    host: 'localhost',
    port: 6_379,
    cluster: null,
    database: 0,
    maxRetries: 3,
    poolSize: 10,
    minIdleConnections: 5,
    ...said,
  };
}

/** The configuration in which cached entries live for this long. */
export function timesToLive(ttl: string): Record<string, string> {
  const keys = ['TTL', 'ORDER_CACHE_TTL', 'TRADE_CACHE_TTL', 'USER_ORDERS_TTL', 'ACCOUNT_CACHE_TTL'];
  const values = ['fixed', ttl, ttl, ttl, ttl];
  return Object.fromEntries(
    keys.map((key, n) => [`PINCEX_DATABASE_OPTIMIZED_REPOSITORY_${key}`, values[n] ?? '']),
  );
}

/** With these, cached rows live longer than any test; missing ones expire after a second. */
export const LASTING = timesToLive('1h');
export const UNCACHED = timesToLive('0s');

/** The limits of the repository that are times. */
type Times = Record<
  'redisWaitMs' | 'redisPauseMs' | 'replicaWaitMs' | 'replicaPauseMs' | 'aheadMs' | 'leaseMs' | 'positionMs',
  number
>;

/** Sets limits for the rest of a test file, which has all modules to itself. */
export function setTimes(times: Partial<Times & Record<'pendingInvalidations', number>>): void {
  Object.assign(limits.repository, times);
}

/** Longer than any test takes. */
export const FOREVER_MS = 3_600_000;

/**
 * From here on nothing is given up because the machine is busy: each call waits for its answer. A server that failed
 * all the same is tried again almost at once.
 */
export function waitPatiently(): void {
  setTimes({
    redisWaitMs: FOREVER_MS,
    replicaWaitMs: FOREVER_MS,
    aheadMs: FOREVER_MS,
    leaseMs: FOREVER_MS,
    positionMs: FOREVER_MS,
    redisPauseMs: 20,
    replicaPauseMs: 20,
  });
}

/** Waits until a cache gives leases, or answers from its entries. */
export function untilAnswering(cache: Cache): Promise<void> {
  return until('the cache to answer', async () => {
    const { entries } = await cache.read(['any']);
    return entries.some((entry) => isHit(entry) || entry.lease !== null);
  });
}

/** Reads until a read makes no statement any more; returns what was read last. */
export async function untilCached<Found>(
  statements: { readonly length: number },
  read: () => Promise<Found>,
): Promise<Found> {
  let found: Found | undefined;
  await until('all of it to be cached', async () => {
    const before = statements.length;
    found = await read();
    return statements.length === before;
  });
  return found as Found;
}

/** The available USD of a user. */
export async function usdOf({ bookkeeper }: Pincex, userId: string): Promise<string | undefined> {
  return (await bookkeeper.getAccount(userId, 'USD'))?.available;
}
