import type { KindName } from '../diagnostics.ts';
import type { CacheCounters, PoolCounters } from './figures.ts';
import type { ProcessStatistics } from './statistics.ts';

const total = <Of>(all: readonly Of[], count: (one: Of) => number): number =>
  all.reduce((sum, one) => sum + count(one), 0);

export function sumOfPools(reports: readonly ProcessStatistics[]): PoolCounters {
  const pools = reports.map(({ pool }) => pool);
  return {
    max: total(pools, ({ max }) => max),
    inUse: total(pools, ({ inUse }) => inUse),
    waits: total(pools, ({ waits }) => waits),
    waitMs: total(pools, ({ waitMs }) => waitMs),
    longestWaitMs: Math.max(0, ...pools.map(({ longestWaitMs }) => longestWaitMs)),
    refused: total(pools, ({ refused }) => refused),
  };
}

export function sumOfCaches(reports: readonly ProcessStatistics[]): CacheCounters {
  const caches = reports.map(({ cache }) => cache);
  const of = (kind: KindName) => {
    const hits = total(caches, ({ reads }) => reads[kind].hits);
    const misses = total(caches, ({ reads }) => reads[kind].misses);
    return { hits, misses, hitRate: hits + misses === 0 ? null : hits / (hits + misses) };
  };
  return {
    reads: {
      accounts: of('accounts'),
      orders: of('orders'),
      userOrders: of('userOrders'),
      trades: of('trades'),
    },
    failures: total(caches, ({ failures }) => failures),
  };
}

export function sumOfRefusals(reports: readonly ProcessStatistics[]): Record<string, number> {
  const refusals: Record<string, number> = {};
  for (const [code, count] of reports.flatMap((report) => Object.entries(report.refusals)))
    refusals[code] = (refusals[code] ?? 0) + count;
  return refusals;
}
