import type { Config } from '../config/load.ts';
import type { RepositoryOptions } from './repository.ts';

/** The settings of the configuration for gathering and caching reads. */
export function repositoryOptions({
  database: { optimizedRepository },
}: Config): Pick<RepositoryOptions, 'ttlMs' | 'ttl' | 'batchSize'> {
  const { orderTtlMs, tradeTtlMs, userOrdersTtlMs, accountTtlMs, ttl, batchSize } = optimizedRepository;
  const ttlMs = {
    accounts: accountTtlMs,
    orders: orderTtlMs,
    userOrders: userOrdersTtlMs,
    trades: tradeTtlMs,
  };
  return { ttlMs, ttl, batchSize };
}

/** The place of the cache's entries: this process, Redis, or none. */
export type CacheStore = 'process' | 'redis' | 'off';

/** The configured store; `off` if every kind has a time to live of 0. */
export function cacheStoreOf(config: Config): CacheStore {
  if (Object.values(repositoryOptions(config).ttlMs).every((ttl) => ttl === 0)) return 'off';
  return config.redis === null ? 'process' : 'redis';
}
