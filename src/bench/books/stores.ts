import type { Config } from '../../config/load.ts';

/** The same books without a cache: what is measured is PostgreSQL. It tells no shared cache of its commits either. */
export function withoutCache(config: Config): Config {
  return { ...withTtl(config, 0), redis: null };
}

/** Everything stays in the cache for this long; 0: nothing is cached. */
export function withTtl({ database, ...config }: Config, ms: number): Config {
  const optimizedRepository = {
    ...database.optimizedRepository,
    ttl: 'fixed' as const,
    accountTtlMs: ms,
    orderTtlMs: ms,
    userOrdersTtlMs: ms,
    tradeTtlMs: ms,
  };
  return { ...config, database: { ...database, optimizedRepository } };
}
