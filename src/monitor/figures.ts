/** The figures of the monitor as plain types: a page in a browser has them too, so this file imports nothing. */

/** An error code, how many operations failed with it, and their share of all operations. */
export interface ErrorRate {
  readonly code: string;
  readonly count: number;
  readonly rate: number;
}

/** Milliseconds that batches spent in each phase. The rest of their time is waiting, reading the items and making the result. */
export interface PhaseTimes {
  /** Reading the rows, and locking them where batches collide. */
  readonly load: number;
  /** Applying the rules. */
  readonly decide: number;
  /** Writing the changes. */
  readonly persist: number;
  /** Telling the cache what was committed. */
  readonly publish: number;
}

/** Figures of operations over one window of time. Durations are in milliseconds, rates are shares from 0 to 1. */
export interface OperationMetrics {
  readonly operations: number;
  readonly succeeded: number;
  readonly failed: number;
  /** 1 if there were no operations. */
  readonly successRate: number;
  /** All durations together. */
  readonly totalMs: number;
  /** Null without operations, like all durations. */
  readonly averageMs: number | null;
  readonly leastMs: number | null;
  readonly mostMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly operationsPerSecond: number;
  readonly itemsPerSecond: number;
  /** Items that operations were asked for, or say that they processed. */
  readonly items: number;
  readonly batchSize: {
    readonly average: number | null;
    readonly least: number | null;
    readonly most: number | null;
  };
  /** Outcomes of items. A rejected item is no failed operation. */
  readonly applied: number;
  readonly replayed: number;
  readonly rejected: { readonly total: number; readonly byCode: Readonly<Record<string, number>> };
  /** Statements that were sent to PostgreSQL; a read that the cache answers sends none. */
  readonly statements: number;
  /** Phases of batches, added up; 0 for reads and for operations of your own. */
  readonly phaseMs: PhaseTimes;
  /** The commonest first. */
  readonly errors: readonly ErrorRate[];
  /** Seconds that the figures cover. */
  readonly seconds: number;
}

/** Figures since the start, and over the last minute, five minutes and hour. */
export interface WindowedMetrics extends OperationMetrics {
  readonly windows: Readonly<Record<SlidingWindow, OperationMetrics>>;
}

/** The windows that end now. */
export type SlidingWindow = 'minute' | 'fiveMinutes' | 'hour';

/** All operations together, and each by its name. */
export interface PerformanceMetrics extends WindowedMetrics {
  readonly byOperation: Readonly<Record<string, WindowedMetrics>>;
}

/** A batch worth a look: one of the slowest, or one of the latest with a code. */
export interface RecordedBatch {
  readonly batchId: string;
  readonly operation: string;
  /** When it ended: ISO 8601 in UTC. */
  readonly at: string;
  readonly durationMs: number;
  readonly items: number;
  readonly phases: PhaseTimes;
  /** Why the whole batch failed; null if it did not. */
  readonly errorCode: string | null;
  /** Rejected items by code. */
  readonly rejected: Readonly<Record<string, number>>;
}

/** Counters of the pool of a process, or of several. */
export interface PoolCounters {
  /** The most connections. */
  readonly max: number;
  /** Connections that calls use at this moment. */
  readonly inUse: number;
  /** Calls that found every connection busy, and how long they waited in all. */
  readonly waits: number;
  readonly waitMs: number;
  readonly longestWaitMs: number;
  /** Calls that failed with `pool_exhausted`. */
  readonly refused: number;
}

/** Counters of the cache of a process, or of several. */
export interface CacheCounters {
  readonly reads: Readonly<
    Record<
      'accounts' | 'orders' | 'userOrders' | 'trades',
      // `hitRate`: null without reads.
      { readonly hits: number; readonly misses: number; readonly hitRate: number | null }
    >
  >;
  /** Reads and writes of the cache that failed. */
  readonly failures: number;
}
