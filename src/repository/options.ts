import type { Config } from '../config/load.ts';
import type { RepositoryOptions } from './repository.ts';

/** How the configuration has reads gathered and cached. */
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

/** Where a cache keeps entries: in this process, in Redis, or nowhere. */
export type CacheStore = 'process' | 'redis' | 'off';

/** Where the configuration has them kept: nowhere if no kind is to be cached. */
export function cacheStoreOf(config: Config): CacheStore {
  if (Object.values(repositoryOptions(config).ttlMs).every((ttl) => ttl === 0)) return 'off';
  return config.redis === null ? 'process' : 'redis';
}
