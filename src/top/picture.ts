import type { Alert, KindName } from '../diagnostics.ts';
import { metricsOf, type OperationMetrics } from '../monitor/metrics.ts';
import { performanceMetrics, type PerformanceMetrics } from '../monitor/performanceMetrics.ts';
import type { LiveProcess } from '../monitor/processes.ts';
import type { CacheReads, ProcessStatistics } from '../monitor/statistics.ts';
import { mergeTallies, readTallies, sumOf, type Tallies } from '../monitor/tallies.ts';

/** One process: its operations over the last minute, and its pool. */
export interface ProcessPicture {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: Date;
  /** Milliseconds since its report. */
  readonly ageMs: number;
  readonly minute: OperationMetrics;
  readonly pool: ProcessStatistics['pool'];
}

/** All processes that run, as they last reported. Counters of the pool, the cache and refusals are those since their start. */
export interface Picture {
  readonly at: Date;
  /** Those that fire, then those that are pending. */
  readonly alerts: readonly Alert[];
  readonly metrics: PerformanceMetrics;
  readonly pool: ProcessStatistics['pool'];
  readonly cache: {
    /** `hitRate`: null without reads. */
    readonly reads: Readonly<Record<KindName, CacheReads & { readonly hitRate: number | null }>>;
    readonly failures: number;
  };
  readonly refusals: Readonly<Record<string, number>>;
  readonly processes: readonly ProcessPicture[];
  /** Processes that are left out, because their reports are malformed or of another version of Pincex. */
  readonly unreadable: number;
}

/** A process whose report could be read. */
interface ReadProcess extends LiveProcess {
  readonly tallies: Tallies;
}

export function pictureOf(live: readonly LiveProcess[], alerts: readonly Alert[], at: Date): Picture {
  const read = live.flatMap((process): ReadProcess[] => {
    const tallies = readTallies(process.report.operations);
    return tallies instanceof Error || !isComplete(process.report) ? [] : [{ ...process, tallies }];
  });
  const reports = read.map(({ report }) => report);
  return {
    at,
    alerts: alerts.filter(({ state }) => state !== 'resolved'),
    metrics: performanceMetrics(mergeTallies(read.map(({ tallies }) => tallies))),
    pool: poolOf(reports),
    cache: cacheOf(reports),
    refusals: refusalsOf(reports),
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

/** The parts of a report as another version may have written them. */
type Doubtful<Of> = Of extends object ? { readonly [Name in keyof Of]?: Doubtful<Of[Name]> } : unknown;

const POOL = ['max', 'inUse', 'waits', 'waitMs', 'longestWaitMs', 'refused'] as const;
const KINDS = ['accounts', 'orders', 'userOrders', 'trades'] as const satisfies readonly KindName[];

/** Whether a report, which may be of another version, has all figures that a picture shows. */
function isComplete({ pool, cache, refusals }: Doubtful<ProcessStatistics>): boolean {
  const figures = [
    ...POOL.map((name) => pool?.[name]),
    ...KINDS.flatMap((kind) => [cache?.reads?.[kind]?.hits, cache?.reads?.[kind]?.misses]),
    cache?.failures,
    ...Object.values(refusals ?? { none: undefined }),
  ];
  return figures.every((figure) => typeof figure === 'number');
}

const total = <Of>(all: readonly Of[], count: (one: Of) => number): number =>
  all.reduce((sum, one) => sum + count(one), 0);

function poolOf(reports: readonly ProcessStatistics[]): ProcessStatistics['pool'] {
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

function cacheOf(reports: readonly ProcessStatistics[]): Picture['cache'] {
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

function refusalsOf(reports: readonly ProcessStatistics[]): Record<string, number> {
  const refusals: Record<string, number> = {};
  for (const [code, count] of reports.flatMap((report) => Object.entries(report.refusals)))
    refusals[code] = (refusals[code] ?? 0) + count;
  return refusals;
}
