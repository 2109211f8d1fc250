import type { Config } from '../../config/load.ts';

/**
 * The options for books without a cache, so that PostgreSQL is measured. Commits are not published to a shared cache either.
 */
export function withoutCache(config: Config): Config {
  return { ...withTtl(config, 0), redis: null };
}

/** One time to live for all kinds; 0 for no caching. */
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
