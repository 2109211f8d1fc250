import type { RedisConfig } from '../../src/config/load.ts';

/** As an operator would have it who says no more than this. */
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
