import { v7 as uuidv7 } from 'uuid';
import { batchOperations } from '../commands/operationNames.ts';
import { listen, type KindName, type OperationRun, type Stop } from '../diagnostics.ts';
import type { CacheStore } from '../repository/options.ts';
import type { BatchResult } from '../results.ts';
import { codeOf } from './errorCodes.ts';
import type { PoolCounters } from './figures.ts';
import { PerformanceMonitor } from './performanceMonitor.ts';
import type { Tallies } from './tallies.ts';
import { totalOf } from './tallies.ts';
import type { BatchSize, ItemOutcomes } from './tally.ts';

export interface CacheReads {
  readonly hits: number;
  readonly misses: number;
}

/** The counters of a process since its start. Durations are in milliseconds. */
export interface ProcessStatistics {
  readonly batches: {
    readonly count: number;
    readonly items: number;
    readonly bySize: Readonly<Record<BatchSize, number>>;
    readonly durationMs: number;
  };
  readonly cache: {
    readonly store: CacheStore;
    readonly reads: Readonly<Record<KindName, CacheReads>>;
    /** Reads and writes of the cache that failed, so that PostgreSQL was asked instead. */
    readonly failures: number;
  };
  readonly pool: PoolCounters;
  /** Calls over HTTP that were answered with a problem, by its code: see docs/http.md. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Loops of single calls that the N+1 detector found in this process: see docs/migration.md. */
  readonly loops: number;
  /** Reports that did not reach the database. */
  readonly reportFailures: number;
  /** How often a report of another process could not be read, and was left out. */
  readonly unreadableReports: number;
}

/** The counters beside those of batches. */
export type OtherCounters = Omit<ProcessStatistics, 'batches'>;

export interface StatisticsOptions {
  /** `database.pool.max`. */
  readonly poolMax: number;
  /** Default `off`. */
  readonly cacheStore?: CacheStore | undefined;
  /** Counts the connections that calls use. Default: none are. */
  readonly poolInUse?: (() => number) | undefined;
  /** Reads the tallies of all other processes on the database. `id`: that of this process, which is left out. @internal */
  readonly others?: ((id: string) => Promise<readonly Tallies[]>) | undefined;
}

/** The counters of this process: numbers in memory, cheap enough for every call. */
export class Statistics {
  /** Identifies this process among those on the database. */
  readonly id: string = uuidv7();
  /** The batches and reads. */
  readonly monitor: PerformanceMonitor;
  readonly #options: {
    readonly poolMax: number;
    readonly cacheStore: CacheStore;
    readonly poolInUse: () => number;
  };
  readonly #pool = { waits: 0, waitMs: 0, longestWaitMs: 0, refused: 0 };
  readonly #reads = {
    accounts: { hits: 0, misses: 0 },
    orders: { hits: 0, misses: 0 },
    userOrders: { hits: 0, misses: 0 },
    trades: { hits: 0, misses: 0 },
  };
  readonly #refusals: Record<string, number> = {};
  #cacheFailures = 0;
  #loops = 0;
  #reportFailures = 0;
  #unreadableReports = 0;

  // The options are taken apart here, since the types of the package do not have `others`.
  constructor(options: StatisticsOptions) {
    const { poolMax, cacheStore = 'off', poolInUse = () => 0, others } = options;
    this.#options = { poolMax, cacheStore, poolInUse };
    this.monitor = new PerformanceMonitor(others && (() => others(this.id)));
  }

  /** Counts the messages of one Pincex, until the returned function is called. */
  listenTo(instance: string): Stop {
    return listen(instance, {
      operation: (run) => {
        this.operation(run);
      },
      read: ({ kind, keys, hits }) => {
        this.cacheReads(kind, hits, keys - hits);
      },
      wait: (durationMs) => {
        this.poolWait(durationMs);
      },
      poolRefusal: () => {
        this.poolRefused();
      },
      cacheFailure: () => {
        this.cacheFailure();
      },
      refusal: ({ code }) => {
        this.refusal(code);
      },
      unreadableReport: () => {
        this.#unreadableReports++;
      },
      loop: () => {
        this.#loops++;
      },
    });
  }

  /** A batch or a read has ended. A batch without items asked for nothing and is not counted. */
  operation(run: OperationRun): void {
    const { operation, items, durationMs, result, statements, phaseMs, batchId } = run;
    if (items === 0) return;
    const errorCode = 'error' in run ? codeOf(run.error) : null;
    const outcomes = result && outcomesOf(result);
    this.monitor.record(operation, {
      durationMs,
      items,
      errorCode,
      outcomes,
      statements,
      phaseMs,
      batchId,
    });
  }

  /** A read asked the cache for `hits + misses` keys. */
  cacheReads(kind: KindName, hits: number, misses: number): void {
    this.#reads[kind].hits += hits;
    this.#reads[kind].misses += misses;
  }

  /** The cache did not answer, and PostgreSQL was asked instead. */
  cacheFailure(): void {
    this.#cacheFailures++;
  }

  /** A call found every connection busy, and waited `ms` milliseconds for one. */
  poolWait(ms: number): void {
    this.#pool.waits++;
    this.#pool.waitMs += ms;
    this.#pool.longestWaitMs = Math.max(this.#pool.longestWaitMs, ms);
  }

  /** A call waited for a connection and got none. */
  poolRefused(): void {
    this.#pool.refused++;
  }

  /** A call over HTTP was answered with a problem. */
  refusal(code: string): void {
    this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
  }

  /** A report did not reach the database. */
  reportFailure(): void {
    this.#reportFailures++;
  }

  /** A copy of the counters as plain JSON. */
  snapshot(): ProcessStatistics {
    const operations = [...this.monitor.tallies('start')].filter(([name]) => batchOperations.has(name));
    const { tally } = totalOf(operations.map(([, one]) => one));
    const { operations: count, items, sumMs: durationMs, sizes } = tally;
    return { batches: { count, items, durationMs, bySize: { ...sizes } }, ...this.counters() };
  }

  /** The same without batches, which are added up from all operations. @internal */
  counters(): OtherCounters {
    const { poolMax, cacheStore, poolInUse } = this.#options;
    return structuredClone({
      cache: { store: cacheStore, reads: this.#reads, failures: this.#cacheFailures },
      pool: { max: poolMax, inUse: poolInUse(), ...this.#pool },
      refusals: this.#refusals,
      loops: this.#loops,
      reportFailures: this.#reportFailures,
      unreadableReports: this.#unreadableReports,
    });
  }
}

function outcomesOf({ counts, failedItems }: BatchResult<unknown>): ItemOutcomes {
  const rejected: Record<string, number> = {};
  for (const { code } of failedItems.values()) rejected[code] = (rejected[code] ?? 0) + 1;
  return { applied: counts.applied, replayed: counts.replayed, rejected };
}
