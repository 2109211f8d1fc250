import type { Alert } from '../alert.ts';
import type {
  CacheCounters,
  OperationMetrics,
  PerformanceMetrics,
  PoolCounters,
} from '../monitor/figures.ts';
import { metricsOf } from '../monitor/metrics.ts';
import { performanceMetrics } from '../monitor/performanceMetrics.ts';
import type { LiveProcess } from '../monitor/processes.ts';
import { readReports } from '../monitor/readReports.ts';
import { sumOfCaches, sumOfPools, sumOfRefusals } from '../monitor/sums.ts';
import { mergeTallies, sumOf } from '../monitor/tallies.ts';

/** One process: its operations over the last minute, and its pool. */
export interface ProcessPicture {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: Date;
  /** Milliseconds since its report. */
  readonly ageMs: number;
  readonly minute: OperationMetrics;
  readonly pool: PoolCounters;
}

/** All processes that run, as they last reported. Counters of the pool, the cache and refusals are those since their start. */
export interface Picture {
  readonly at: Date;
  /** Those that fire, then those that are pending. */
  readonly alerts: readonly Alert[];
  readonly metrics: PerformanceMetrics;
  readonly pool: PoolCounters;
  readonly cache: CacheCounters;
  readonly refusals: Readonly<Record<string, number>>;
  readonly processes: readonly ProcessPicture[];
  /** Processes that are left out, because their reports are malformed or of another version of Pincex. */
  readonly unreadable: number;
}

export function pictureOf(live: readonly LiveProcess[], alerts: readonly Alert[], at: Date): Picture {
  const read = readReports(live);
  const reports = read.map(({ report }) => report);
  return {
    at,
    alerts: alerts.filter(({ state }) => state !== 'resolved'),
    metrics: performanceMetrics(mergeTallies(read.map(({ tallies }) => tallies))),
    pool: sumOfPools(reports),
    cache: sumOfCaches(reports),
    refusals: sumOfRefusals(reports),
    processes: read.map(({ id, startedAt, ageMs, tallies, report: { host, pid, pool } }) => {
      return {
        id,
        host,
        pid,
        startedAt,
        ageMs,
        minute: metricsOf(sumOf([...tallies.values()]).minute),
        pool,
      };
    }),
    unreadable: live.length - read.length,
  };
}
